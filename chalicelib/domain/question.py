"""The canonical form of a question: alike for two people who ask the same in plain words, apart for everybody else.

Only prose is folded, words with spaces, commas and an end: whatever has another sign in it (a colon, a quote, an
operator, code) stays as it was written. In prose, case is folded where a word means the same without it, and
politeness where it is not what is asked about. In doubt two questions stay apart: that costs a call, not an error.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MOST_FOLDED: Final = 2_000  # characters; nobody asks a longer question twice in other words

_CONTRACTIONS: Final = {
    "what's": "what is", "who's": "who is", "where's": "where is", "how's": "how is", "that's": "that is",
    "it's": "it is", "there's": "there is", "let's": "let us", "i'm": "i am", "i've": "i have", "i'd": "i would",
    "i'll": "i will", "you're": "you are", "we're": "we are", "they're": "they are", "can't": "cannot",
    "won't": "will not", "don't": "do not", "doesn't": "does not", "didn't": "did not", "isn't": "is not",
    "aren't": "are not", "wasn't": "was not", "couldn't": "could not", "shouldn't": "should not",
    "wouldn't": "would not", "hasn't": "has not", "haven't": "have not",
}  # fmt: skip
_REQUESTS: Final = (
    "what|who|whom|whose|where|when|why|how|which|is|are|was|were|do|does|did|can|could|would|will|should|i|please"
    "|tell|explain|describe|give|show|list|name|find|help|define|compare|summari[sz]e|make|create"
)
_REQUEST: Final = re.compile(rf"(?:{_REQUESTS})\b", re.IGNORECASE)
_OPENING: Final = re.compile(
    r"(?:(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks|thank you)(?: there)?[,!.]?|please,?|kindly"
    r"|(?:can|could|would|will) you (?:please )?(?:tell me|explain to me)"
    r"|i (?:would like|want|need) to know|tell me)[ :]+)+(?=(?:" + _REQUESTS + r")\b)",
    re.IGNORECASE,
)
_CLOSING: Final = re.compile(
    r"(?P<apart>,|[.?!])? (?:please|thanks|thank you|many thanks|thanks in advance)[.?!]*$", re.IGNORECASE
)
_MENTIONING: Final = re.compile(
    r"a|an|and|between|called|for|hello|hi|is|mean|means|not|of|or|phrase|pronounce|quote|said|say|saying|says"
    r"|spell|term|than|the|to|translate|type|versus|vs|with|word|words|write",
    re.IGNORECASE,
)  # behind these a polite word is what is asked about: "How do you say thanks"
_WORD: Final = r"[^\W_]+(?:['-][^\W_]+)*"
_PROSE: Final = re.compile(rf"(?P<words>{_WORD}(?:,? {_WORD})*)(?P<gap> ?)(?P<end>[?!]*|\.)")
_CAPITONYMS: Final = re.compile(
    r"access|aids|amazon|apple|august|basic|chase|china|chrome|discover|dodge|excel|express|flask|ford|gap|go"
    r"|hamlet|jaguar|java|job|lima|march|mars|may|mercury|meta|mobile|nice|oracle|orange|polish|puma|python"
    r"|rail|reading|ruby|rust|shell|spring|subway|swift|target|turkey|visa|word|windows",
    re.IGNORECASE,
)  # another word, or another thing, with a capital


def canonical(text: str) -> str:
    """The question without what never changes its answer; its own canonical form."""
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > MOST_FOLDED:
        return text
    while True:
        before, (text, is_whole) = text, _folded(text)
        if is_whole or text == before:
            return text


def _folded(text: str) -> tuple[str, bool]:
    """`text` without one layer of what does not count, and whether nothing below that can be another such layer."""
    spaced = " ".join(text.replace("’", "'").split())
    asked = _OPENING.sub("", spaced, count=1) if _OPENING.match(spaced) else spaced
    bare = _unthanked(asked)
    prose = _PROSE.fullmatch(bare)
    if prose is None:
        return (text, True) if asked == spaced else (asked, False)
    words, end = prose["words"], prose["end"]
    last = words.rpartition(" ")[2]
    if (prose["gap"] and _MENTIONING.fullmatch(last)) or ("!" in end and (len(last) == 1 or not last.isalpha())):
        return text, True
    plain = _cased(words)
    is_short = "'" in plain
    if is_short:
        plain = " ".join(_CONTRACTIONS.get(word, word) for word in plain.split(" "))
    end = "" if _REQUEST.match(plain) or end in {"", "."} else "?" if "?" in end else "!"
    return plain + end, bare == spaced and not is_short


def _unthanked(asked: str) -> str:
    """`asked` without politeness at its end, unless that may be what is asked about."""
    closing = _CLOSING.search(asked)
    if closing is None or not _REQUEST.match(asked):
        return asked
    before = asked[: closing.start()]
    mentioned = _MENTIONING.fullmatch(before.rpartition(" ")[2])
    return asked if mentioned and not closing["apart"] else before


def _cased(words: str) -> str:
    """`words` in lower case where that changes none of them."""
    each = words.split(" ")
    if any(map(str.isnumeric, words)):
        return " ".join([_lowered(each[0], first=True), *each[1:]])  # units tell by their case
    if words.isupper() and len(each) > 3:  # noqa: PLR2004 - a sentence that is shouted, no acronym
        return words.lower()
    return " ".join(_lowered(word, first=place == 0) for place, word in enumerate(each))


def _lowered(word: str, *, first: bool) -> str:
    if word.islower():
        return word
    bare = word.rstrip(",")
    if bare in {"I", "A"} or bare.startswith("I'"):
        return word.lower()
    name = bare[:1].isupper() and bare[1:].islower() and not _CAPITONYMS.fullmatch(bare)
    return word.lower() if name and (first or len(bare) > 3) else word  # noqa: PLR2004 - Mb, Kb, Rio
