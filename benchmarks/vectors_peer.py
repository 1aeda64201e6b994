"""GPTCache over the same questions, in an environment of its own: `build/peers-cache/bin/python -m …vectors_peer N`.

As its documentation has it: FAISS for the vectors, SQLite for the answers, the distance as the judge. Its embedder is
a table, so that no embedding is measured.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.vectors_shared import DIMENSIONS, questions, timed

import gptcache  # type: ignore[import-not-found]  # isort: skip
from gptcache.adapter.api import get  # type: ignore[import-not-found]  # isort: skip
from gptcache.manager import CacheBase, VectorBase, get_data_manager  # type: ignore[import-not-found]  # isort: skip
from gptcache.processor.pre import get_prompt  # type: ignore[import-not-found]  # isort: skip
from gptcache.similarity_evaluation.distance import (  # type: ignore[import-not-found]  # isort: skip
    SearchDistanceEvaluation,
)


def main() -> None:
    """Load it and look up; the last line is what that cost."""
    size = int(sys.argv[1])
    texts, vectors = questions(size)
    table = dict(zip(texts, vectors, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        store = CacheBase("sqlite", sql_url=f"sqlite:///{Path(folder) / 'answers.db'}")
        faiss = VectorBase("faiss", dimension=DIMENSIONS, index_path=str(Path(folder) / "faiss.index"))
        manager = get_data_manager(store, faiss, max_size=2 * size)
        cache = gptcache.Cache()
        cache.init(
            pre_embedding_func=get_prompt,
            embedding_func=lambda text, **_: table[text],
            data_manager=manager,
            similarity_evaluation=SearchDistanceEvaluation(),
        )
        began, before = time.perf_counter(), time.process_time()
        answers = [f"{number:064d}" for number in range(size)]
        for start in range(0, size, 1_000):
            chosen = slice(start, start + 1_000)
            manager.import_data(texts[chosen], answers[chosen], list(vectors[chosen]), [None] * len(texts[chosen]))
        loaded = {
            "load_s": round(time.perf_counter() - began, 2),
            "load_cpu_s": round(time.process_time() - before, 2),
        }

        def look_up(place: int) -> None:
            assert get(texts[place], cache_obj=cache) == answers[place], "the nearest question is another"

        print(json.dumps({**loaded, **timed(look_up, size)}))


if __name__ == "__main__":
    main()
