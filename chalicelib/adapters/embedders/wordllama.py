"""The offline embedder: WordLlama's table of token vectors, averaged (docs/adr/0005-offline-embedder.md)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from chalicelib.adapters.embedders.llama_tokens import LlamaTokens
from chalicelib.domain.errors import Misconfigured, ModelRejected
from chalicelib.ports import Embedded

WEIGHTS: Final = Path(__file__).with_name("wordllama.npz")
DIMENSIONS: Final = (256, 128, 64)  # the model was trained to be cut at these
_GATHERED_ROWS: Final = 2_048  # at a time: 2 MB, however long the text

Vector = npt.NDArray[np.float32]


class WordTable:
    """A row of int8 and a scale for each token of the vocabulary, 8 MB in all."""

    def __init__(self, rows: npt.NDArray[np.int8], scales: Vector, tokens: LlamaTokens) -> None:
        """`tokens` yields ids that count the rows."""
        self._rows = rows
        self._scales = scales
        self._tokens = tokens

    def embed(self, text: str, dimensions: int) -> tuple[Vector, int]:
        """The unit vector of `text` and its tokens; a text without tokens is like nothing: all zeros."""
        ids = self._tokens.encode(text)
        total = self._sum(ids, dimensions)
        length = np.sqrt(total @ total)
        return (total / length if length else total).astype("<f4"), len(ids)

    def _sum(self, ids: Sequence[int], dimensions: int) -> Vector:
        if len(ids) == 1:  # most words, of which a judge asks for many
            only: Vector = self._scales[ids[0]] * self._rows[ids[0], :dimensions].astype(np.float32)
            return only
        total = np.zeros(dimensions, dtype=np.float32)
        for start in range(0, len(ids), _GATHERED_ROWS):
            part = np.array(ids[start : start + _GATHERED_ROWS], dtype=np.intp)
            total += self._scales[part] @ self._rows[part, :dimensions].astype(np.float32)
        return total


class WordLlamaEmbedder:
    """Embeds in this process; the table is read on first use and shared by all instances."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        """`weights` is the file that `python -m infra.weights` writes."""
        self._weights = weights

    def embed(self, texts: Sequence[str], dimensions: int | None = None, patience: float | None = None) -> Embedded:  # noqa: ARG002
        """A unit vector for each text, of 256, 128 or 64 dimensions."""
        length = dimensions or DIMENSIONS[0]
        if length not in DIMENSIONS:
            raise ModelRejected(f"This model has 256, 128 or 64 dimensions, not {length}.")
        table = _load(self._weights)
        embedded = [table.embed(text, length) for text in texts]
        return Embedded(
            vectors=tuple(vector.tobytes() for vector, _ in embedded),
            input_tokens=sum(tokens for _, tokens in embedded),
        )


def open_wordllama(uri: str) -> WordLlamaEmbedder:
    """The embedder that `wordllama://` names."""
    if uri.rstrip("/") != "wordllama:":
        raise Misconfigured("The offline embedder is `wordllama://`, and takes no parameters.")
    return WordLlamaEmbedder()


@cache
def _load(weights: Path) -> WordTable:
    try:
        stored = np.load(weights, allow_pickle=False)
    except FileNotFoundError as fault:
        raise Misconfigured(f"{weights.name} is missing: `python -m infra.weights` makes it.") from fault
    with stored:
        vocabulary = stored["vocabulary"].tobytes().decode().split("\0")
        tokens = LlamaTokens(vocabulary, stored["ranks"].tolist())
        return WordTable(stored["rows"], stored["scales"], tokens)
