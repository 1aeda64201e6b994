"""Write the offline embedder's table and vocabulary, taken from the installed `wordllama` wheel.

    python -m infra.weights

Only two data files of the wheel are read: the package itself, and all that it requires, is never imported.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

WEIGHTS: Final = Path(__file__).parents[1] / "chalicelib" / "adapters" / "embedders" / "wordllama.npz"
_TABLE: Final = Path("weights", "l2_supercat_256.safetensors")
_TOKENIZER: Final = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_TENSOR: Final = "embedding.weight"


class Unusable(Exception):
    """The wheel is not there, or not the one that this was written for."""


def main() -> int:
    """Write the file; 1 and one sentence where that cannot be."""
    try:
        write(WEIGHTS, packed(wheel_folder()))
    except Unusable as fault:
        print(f"infra.weights: {fault}", file=sys.stderr)
        return 1
    return 0


def wheel_folder() -> Path:
    """Where the `wordllama` package is installed."""
    found = importlib.util.find_spec("wordllama")
    if found is None or found.origin is None:
        raise Unusable("install wordllama first: pip install --no-deps -r requirements/weights.txt")
    return Path(found.origin).parent


def packed(folder: Path) -> bytes:
    """The file's bytes, the same for the same wheel."""
    table = read_table(folder / _TABLE)
    vocabulary, ranks = read_vocabulary(folder / _TOKENIZER)
    if len(table) != len(vocabulary):
        raise Unusable(f"the table has {len(table)} rows for {len(vocabulary)} tokens.")
    rows, scales = quantised(table)
    spelled = np.frombuffer("\0".join(vocabulary).encode(), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, rows=rows, scales=scales, vocabulary=spelled, ranks=np.array(ranks, dtype=np.uint16))
    return file.getvalue()


def read_table(path: Path) -> npt.NDArray[np.float32]:
    """The one tensor of a safetensors file: eight bytes of header length, a JSON header, the data."""
    data = _read(path)
    start = 8 + int.from_bytes(data[:8], "little")
    tensor = json.loads(data[8:start])[_TENSOR]
    if tensor["dtype"] != "F16":
        raise Unusable(f"{path.name} holds {tensor['dtype']}, not F16.")
    begin, end = tensor["data_offsets"]
    values = np.frombuffer(data[start + begin : start + end], dtype="<f2")
    return values.reshape(tensor["shape"]).astype(np.float32)


def read_vocabulary(path: Path) -> tuple[list[str], list[int]]:
    """The tokens in the order of their ids, and the place of each one's first merge (0: never merged)."""
    model = json.loads(_read(path))["model"]
    ids: dict[str, int] = model["vocab"]
    vocabulary = sorted(ids, key=ids.__getitem__)
    merges = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in model["merges"]]
    ranks = [0] * len(vocabulary)
    for place, (left, right) in enumerate(merges, start=1):
        ranks[ids[left + right]] = ranks[ids[left + right]] or place
    if merges != _implied_merges(vocabulary, ranks, ids):
        raise Unusable("its merges are not those that its vocabulary implies, as our tokeniser needs.")
    return vocabulary, ranks


def quantised(table: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Each row as int8 and the scale that gives it back."""
    peaks = np.abs(table).max(axis=1)
    scales = np.where(peaks > 0, peaks / 127, 1).astype(np.float32)
    return np.rint(table / scales[:, None]).astype(np.int8), scales


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path`, whole or not at all; a file that is right already only looks new to make."""
    if path.is_file() and path.read_bytes() == data:
        os.utime(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(data)
    part = Path(file.name)
    part.chmod(0o644)
    part.replace(path)


def _implied_merges(vocabulary: list[str], ranks: list[int], ids: dict[str, int]) -> list[tuple[Any, ...]]:
    """Every split of every token into two tokens, by rank, then by the ids of the two.

    Because this is all that the wheel's list of merges says, the file needs no list.
    """
    splits = [
        (ranks[ids[token]], ids[token[:cut]], ids[token[cut:]])
        for token in vocabulary
        if ranks[ids[token]]
        for cut in range(1, len(token))
        if token[:cut] in ids and token[cut:] in ids
    ]
    return [(vocabulary[left], vocabulary[right]) for _, left, right in sorted(splits)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as fault:
        raise Unusable(f"the installed wordllama has no {path.name}.") from fault


if __name__ == "__main__":
    sys.exit(main())
