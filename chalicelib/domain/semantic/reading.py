"""A question as the judge reads it: its words without politeness, its numbers, what kind of question it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

from msgspec import Struct

from chalicelib.domain.semantic import word_lists as lists
from chalicelib.domain.semantic.names import NAMES
from chalicelib.domain.semantic.numerals import COUNTS, UNSURE, Number, in_figures, numbers_in
from chalicelib.domain.semantic.parts import Part, Word, parts_of
from chalicelib.domain.semantic.stems import stem
from chalicelib.domain.semantic.vocabulary import Vocabulary

MOST_READ: Final = 4_000  # characters; what is longer is judged by its beginning, and never served for another
_HALF_OF_DAY: Final = re.compile(r"\b([ap])\.\s?m\b\.?", re.IGNORECASE)
_TOKEN: Final = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d?/\d\d?/\d{2,4}|\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*(?:\+\+|#)?|[%$€£₹¥]"
)
_OPENING: Final = re.compile(
    r"^(?:(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|thanks|thank you)(?: there| all| everyone)?[,!. ]+"
    r"|please,? |kindly |ok(?:ay)?,? |so,? |well,? |(?:a |one |just a )?(?:quick|simple|small) question[:,. ]+"
    r"|(?:please )?(?:can|could|would|will) (?:you|someone|anyone|anybody|somebody)(?: please| kindly)?"
    r" (?:tell me|explain(?: to me)?|help me understand|say|let me know)[:, ]+"
    r"|(?:please,? )?(?:tell me|explain to me|let me know)[:, ]+"
    r"|(?:does|do) (?:anyone|anybody|somebody|you) know[, ]+|i was wondering[,: ]+|i wonder[,: ]+"
    r"|i(?:'d| would) (?:like|love) to know[,: ]+|i (?:want|need) to know[,: ]+|do you think(?: that)? )+",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(
    r"[\s,.!?]+(?:please|thanks|thank you|many thanks|thanks in advance|thx|cheers)[\s.!?]*$", re.IGNORECASE
)
_APART: Final = re.compile(
    r"[,.!?] *(?:please|thanks|thank you|many thanks|thanks in advance|thx|cheers)[\s.!?]*$", re.IGNORECASE
)
_MENTIONING: Final = re.compile(
    r"\b(?:means?|meaning|how (?:do|does|can|would|should) \w+ say|spell|spelled|spelling"
    r"|pronounced?|pronunciation|translate|translation|synonyms?|antonyms?"
    r"|opposite of|adverb|noun|verb|adjective|words?|phrase|sentence|etymology|rhymes?)\b",
    re.IGNORECASE,
)
_BEFORE_MENTIONED: Final = lists.set_of("say spell pronounce translate word of for use phrase")
_HOW: Final = re.compile(
    r"^(?:what|which) (?:is|are) (?:the |some |a )?(?:ways?|methods?|process|steps) (?:to|of|for)\b"
)
_WHY: Final = re.compile(r"^(?:how come|what (?:is|are|was|were) the (?:\w+ )?reasons?|for what reason)\b")
_AMOUNTS: Final = frozenset(
    {"many", "much", "long", "far", "old", "tall", "big", "often", "fast", "large", "high", "deep", "heavy"}
)
_KINDS: Final = {
    "what": "what", "which": "what", "how": "how", "why": "why", "who": "who", "whom": "who", "whose": "who",
    "where": "where", "when": "when",
}  # fmt: skip
_TITLE_WORDS: Final = 4
_TITLE_SHARE: Final = 0.6


class Reading(Struct, frozen=True, dict=True):
    """What the guards and the verifier compare; what not every pair needs is worked out when it is asked for."""

    text: str
    tokens: tuple[str, ...]
    lowers: tuple[str, ...]
    numbers: tuple[Number, ...]
    mentions: bool  # it asks about words: what they mean, how they are said
    vocabulary: Vocabulary

    @cached_property
    def words(self) -> tuple[Word, ...]:
        """What was said, without filler; a number is one word."""
        filler = _filler(self.lowers) if self.mentions else lists.FILLER
        return tuple(_words(self.tokens, self.lowers, self.numbers, self.vocabulary, filler))

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(word.stem for word in self.words)

    @cached_property
    def unsure_numbers(self) -> frozenset[float]:
        """What may be numbers: "a", "one"."""
        return frozenset(UNSURE[word] for word in self.lowers if word in UNSURE)

    @cached_property
    def counts(self) -> frozenset[float]:
        """How many of something there are, in words that are no numbers: "twice"."""
        return frozenset(COUNTS[word] for word in self.lowers if word in COUNTS)

    @cached_property
    def negations(self) -> int:
        return sum(word in lists.NEGATIONS for word in self.lowers)

    @cached_property
    def kind(self) -> str:
        """What kind of question it is: who, where, how, yes or no, an instruction."""
        return _kind(self.lowers)

    @cached_property
    def foreign(self) -> bool:
        """Whether its words are not English."""
        return _is_foreign(self.tokens, self.vocabulary)

    @cached_property
    def trigrams(self) -> frozenset[str]:
        """Three characters that follow each other, wherever words begin and end."""
        spaced = f" {' '.join(self.lowers)} "
        return frozenset(spaced[place : place + 3] for place in range(len(spaced) - 2))

    @cached_property
    def counted(self) -> Mapping[str, int]:
        """How often each stem occurs."""
        found: dict[str, int] = {}
        for word in self.words:
            found[word.stem] = found.get(word.stem, 0) + 1
        return found

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The words that play a part, and by what each is governed."""
        return parts_of(self.words)


def read(text: str, vocabulary: Vocabulary) -> Reading:
    """Read `text`; equal texts read alike."""
    plain = unicodedata.normalize("NFKC", text[:MOST_READ]).replace("’", "'").strip()
    mentions = _MENTIONING.search(plain) is not None
    opened = _OPENING.sub("", plain)
    closed = opened if mentions and not _APART.search(opened) else _CLOSING.sub("", opened)
    asked = _HALF_OF_DAY.sub(r"\1m", closed)
    tokens = in_figures([each for token in _TOKEN.findall(asked) for each in _expanded(token)])
    lowers = [token.lower().removesuffix("'s") for token in tokens]
    return Reading(text, tuple(tokens), tuple(lowers), tuple(numbers_in(lowers)), mentions, vocabulary)


def _expanded(token: str) -> list[str]:
    lower = token.lower()
    if lower in lists.EXPANDED:
        return lists.EXPANDED[lower].split()
    head, mark, tail = token.partition("'")
    if mark and tail.lower() in {"s", "re", "ve", "ll", "d", "m"}:
        verb = {"s": "is", "re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am"}[tail.lower()]
        return [head, verb] if head.lower() in _SUBJECTS or tail.lower() != "s" else [token]
    return [token]


_SUBJECTS: Final = frozenset({"what", "who", "where", "how", "when", "why", "that", "it", "there", "he", "she", "here"})


def _filler(lowers: Sequence[str]) -> frozenset[str]:
    """The words that say nothing in a question about words: but one of them may be what is asked about."""
    meant = {word for before, word in pairwise(lowers) if before in _BEFORE_MENTIONED}
    rest = [word for word in lowers if word not in lists.STOP and not _MENTIONING.fullmatch(word)]
    return frozenset[str]() if lists.FILLER.issuperset(rest) else lists.FILLER - meant


def _words(
    tokens: Sequence[str],
    lowers: Sequence[str],
    numbers: Sequence[Number],
    vocabulary: Vocabulary,
    filler: frozenset[str],
) -> list[Word]:
    counted = {place: number for number in numbers for place in range(number.start, number.end)}
    long_ones = [token for token in tokens[1:] if len(token) > 3]  # noqa: PLR2004 - short words stay small in titles
    titled = len(long_ones) >= _TITLE_WORDS and (
        sum(token[0].isupper() for token in long_ones) >= _TITLE_SHARE * len(long_ones)
    )
    found = []
    for place, (token, lower) in enumerate(zip(tokens, lowers, strict=True)):
        number = counted.get(place)
        if number is not None:
            if place == number.start:
                found.append(Word(token, lower, f"#{number.value}", is_name=False))
        elif lower not in filler:
            capital = token[0].isupper() and place > 0 and not titled
            found.append(Word(token, lower, stem(lower), _names(token, lower, vocabulary, capital=capital)))
    return found


def _names(token: str, lower: str, vocabulary: Vocabulary, *, capital: bool) -> bool:
    if lower in lists.STOP or lower in lists.UNITS or len(lower) == 1:
        return False
    if lower in NAMES or vocabulary.is_name(lower):
        return True
    inside = not token[1:].islower() and token[1:] != "" and not token.isupper()  # an iPhone
    return inside or (capital and not vocabulary.knows(lower))


def _kind(lowers: Sequence[str]) -> str:
    start = " ".join(lowers[:7])
    if _WHY.match(start):
        return "why"
    if _HOW.match(start):
        return "how"
    if lowers and lowers[0] in lists.AUXILIARIES:
        return "yesno"
    if lowers and lowers[0] in lists.IMPERATIVES:
        return "do"
    return _asked_inside(lowers)


def _asked_inside(lowers: Sequence[str]) -> str:
    """The kind of a question that does not begin with what tells it."""
    for word, following in pairwise([*lowers, ""]):
        if word in _KINDS:
            return "amount" if word == "how" and following in _AMOUNTS else _KINDS[word]
    return "yesno" if any(word in {"is", "are", "do", "does", "can"} for word in lowers[:4]) else "other"


_FEWEST_TOLD: Final = 3


def _is_foreign(tokens: Sequence[str], vocabulary: Vocabulary) -> bool:
    """Whether the words are not English: by the small ones, and where there are none by how many are known."""
    lowers = [token.lower() for token in tokens]
    small = sum(word in lists.STOP or word in lists.AUXILIARIES for word in lowers)
    other = sum(word in lists.OTHER_TONGUES or _is_accented(word, vocabulary) for word in lowers)
    if other > small:
        return True
    if small > min(other, 1):
        return False
    plain = [token for token in tokens if token.islower()]
    unknown = sum(not vocabulary.knows(word) for word in plain)
    return unknown * 2 > len(plain) >= _FEWEST_TOLD


def _is_accented(word: str, vocabulary: Vocabulary) -> bool:
    return not word.isascii() and word.isalpha() and not vocabulary.knows(word)
