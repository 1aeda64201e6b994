"""Llama's tokeniser in plain Python, equal to the `tokenizers` library for this one vocabulary.

That library would be half of what the offline embedder adds to the Lambda zip.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from typing import Final

_SPACE: Final = "▁"  # how the vocabulary writes a space
_SPECIAL: Final = {"<unk>": 0, "<s>": 1, "</s>": 2}
_SPECIALS: Final = re.compile("(<unk>|<s>|</s>)")
_WORD: Final = re.compile(f"{_SPACE}*[^{_SPACE}]+|{_SPACE}+")
_FIRST_BYTE: Final = 3  # the id of <0x00>: what the vocabulary does not spell goes byte by byte
_FIRST_PIECE: Final = _FIRST_BYTE + 256


class LlamaTokens:
    """Byte-pair encoding over a vocabulary; `ranks` says for each token how late it is merged.

    No token has a space after its first other character, so no merge crosses from a word to the next: words
    are encoded one by one, each once for a text.
    """

    def __init__(self, vocabulary: Sequence[str], ranks: Sequence[int]) -> None:
        """Take the tokens in the order of their ids."""
        self._ids = dict(zip(vocabulary[_FIRST_PIECE:], range(_FIRST_PIECE, len(vocabulary)), strict=True))
        self._ranks = ranks

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, without a token for its beginning. Time grows as n log n at the worst."""
        ids: list[int] = []
        known: dict[str, tuple[int, ...]] = {}  # for this text alone: what others wrote must not make it faster
        for segment in _SPECIALS.split(text):
            if segment in _SPECIAL:
                ids.append(_SPECIAL[segment])
                continue
            for word in _WORD.findall(_SPACE + segment.replace(" ", _SPACE)) if segment else ():
                if word not in known:
                    known[word] = self._encode(word)
                ids += known[word]
        return ids

    def _encode(self, word: str) -> tuple[int, ...]:
        whole = self._ids.get(word)  # what is a token is merged into it: a test encodes the whole vocabulary
        if whole is not None:
            return (whole,)
        return tuple(token for piece in self._merged(word) for token in self._ids_of(piece))

    def _ids_of(self, piece: str) -> Iterator[int]:
        known = self._ids.get(piece)
        if known is not None:
            yield known
        else:
            yield from (_FIRST_BYTE + byte for byte in piece.encode("utf-8", "replace"))

    def _merged(self, word: str) -> list[str]:
        """Merge the neighbours of the lowest rank, leftmost first, until no two neighbours make a token."""
        pieces = list(word)
        following = [*range(1, len(pieces)), -1]
        previous = list(range(-1, len(pieces) - 1))
        pairs = zip(range(len(pieces)), range(1, len(pieces)), strict=False)
        candidates = [found for pair in pairs if (found := self._candidate(pieces, *pair))]
        heapq.heapify(candidates)
        while candidates:
            *_, left, merged = heapq.heappop(candidates)
            right = following[left]
            if not pieces[left] or right < 0 or pieces[left] + pieces[right] != merged:
                continue  # one of the two was merged elsewhere meanwhile
            pieces[left], pieces[right] = merged, ""
            following[left] = after = following[right]
            if after >= 0:
                previous[after] = left
            for first, second in ((previous[left], left), (left, after)):
                if first >= 0 and second >= 0 and (found := self._candidate(pieces, first, second)):
                    heapq.heappush(candidates, found)
        return [piece for piece in pieces if piece]

    def _candidate(self, pieces: list[str], left: int, right: int) -> tuple[int, int, int, int, str] | None:
        """What a merge of two neighbours sorts by: of two pairs that spell one token, the lower ids first."""
        merged = pieces[left] + pieces[right]
        token = self._ids.get(merged)
        if token is None:
            return None
        ids = self._ids
        return self._ranks[token], ids.get(pieces[left], 0), ids.get(pieces[right], 0), left, merged
