"""Whether two answers say the same: what a fresh answer teaches about the stored one that was, or was not, served."""

from __future__ import annotations

import re
from typing import Final

from chalicelib.domain.semantic.guards import Signs
from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.reading import read
from chalicelib.domain.semantic.vocabulary import Vocabulary

ALIKE: Final = 0.75  # cosines by the offline embedder: answers to one question had .76 and more, but for terse ones
UNLIKE: Final = 0.5  # and those to different questions .53 and less
VERBATIM: Final = 0.9  # so alike that a "not" is all that differs
MOST_WORDS: Final = 40  # of an answer whose every number and name counts; longer ones differ in their examples

_WORDS: Final = re.compile(r"\w+")
_YES_OR_NO: Final = {"yes": True, "yeah": True, "no": False, "nope": False}


def agree(fresh: str, stored: str, cosine: float, vocabulary: Vocabulary) -> bool | None:
    """Whether two answers say the same; None where nobody can tell from this. It is the same the other way round."""
    left, right = _WORDS.findall(fresh.casefold()), _WORDS.findall(stored.casefold())
    if left == right:
        return True
    said = {_YES_OR_NO[words[0]] for words in (left, right) if words and words[0] in _YES_OR_NO}
    if cosine <= UNLIKE or len(said) > 1:
        return False
    found = Signs(Match(read(fresh, vocabulary), read(stored, vocabulary)))
    if found.numbers_differ or found.names_differ:
        return False if max(len(left), len(right)) <= MOST_WORDS else None
    if _turned(found):
        return False if cosine >= VERBATIM else None
    return True if cosine >= ALIKE and not found.number_added else None


def _turned(found: Signs) -> bool:
    return (found.negation_differs or found.opposites) and not found.cancelled
