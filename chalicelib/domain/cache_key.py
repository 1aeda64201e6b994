"""What may share an answer: the scope, and inside it the canonical form of the question.

The canonical form folds what never changes an answer (case, spacing, closing punctuation, contractions, greetings
and politeness), and keeps what may: digits, signs, exponents, symbols inside words, word order.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.chat import ChatRequest, Completion, User, text_of

MOST_TEMPERATURE: Final = 0.9  # above it a caller asks for variety; a cached answer would deny it
MOST_FOLDED: Final = 2_000  # characters; nobody asks a longer question twice in other words

_CONTRACTIONS: Final = {
    "what's": "what is", "who's": "who is", "where's": "where is", "how's": "how is", "that's": "that is",
    "it's": "it is", "there's": "there is", "let's": "let us", "i'm": "i am", "i've": "i have", "i'd": "i would",
    "i'll": "i will", "you're": "you are", "we're": "we are", "they're": "they are", "can't": "cannot",
    "won't": "will not", "don't": "do not", "doesn't": "does not", "didn't": "did not", "isn't": "is not",
    "aren't": "are not", "wasn't": "was not", "couldn't": "could not", "shouldn't": "should not",
    "wouldn't": "would not", "hasn't": "has not", "haven't": "have not",
}  # fmt: skip
_CONTRACTION: Final = re.compile(r"\b(?:" + "|".join(map(re.escape, _CONTRACTIONS)) + r")\b")
_REQUESTS: Final = (
    "what|who|whom|whose|where|when|why|how|which|is|are|was|were|do|does|did|can|could|would|will|should|may|i|please"
    "|tell|explain|describe|give|show|list|write|translate|name|find|help|define|compare|summari[sz]e|make|create"
)
_OPENINGS: Final = re.compile(
    r"(?:(?:"
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening)|thanks|thank you)(?: there)?"
    rf"(?: ?[,:;!.]+ ?| (?=(?:{_REQUESTS})\b))"  # else it may be what is asked about: "Hello world in Python"
    r"|(?:please|kindly"
    r"|(?:can|could|would|will) you (?:please )?(?:tell me|explain to me|help me understand)"
    r"|i (?:would|want to|need to) (?:like to )?know|tell me)[ ,:;!.]+"
    r")(?=\w))++"
)
_CLOSINGS: Final = ("thanks in advance", "many thanks", "thank you", "thanks", "please")
_ENDINGS: Final = " ?!.,;:？！。、"
_MENTION: Final = re.compile(
    "an?|and|between|for|is|means?|not|of|or|pronounce|say|saying|spell|than|the|to|translate|type|versus|vs|with|word"
    "|write|.*:",
    re.DOTALL,
)  # before these a polite word is what is asked about: "How do you say thanks"
_PAYLOAD: Final = re.compile(r"""["“”«»`=<>{}\[\]|\\\t]|\n\s|(?<!\w)'|'(?!\w)|\w[_@]\w""")
_ACRONYM: Final = re.compile(r"\b(?:AIDS|AM|BE|CAN|DO|GO|HE|IN|IS|IT|ME|NO|OK|ON|OR|PET|RAM|SAT|SO|US|WE|WHO)\b")
_CAPITALS_INSIDE: Final = re.compile(r"\b(?=\w*[a-z])\w+[A-Z]\w*")
_FACTOR: Final = re.compile(r"(?:\d|\)|(?<!\w)[a-z])$")
_FRESH: Final = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|current|currently|latest|newest|recent|recently|at the moment"
    r"|this (?:week|month|year)|what time|what date|weather|stock price|score)\b"
)


def cacheable(request: ChatRequest, *, asked: bool) -> bool:
    """Whether an answer to `request` may be kept at all; `asked` is the caller's explicit wish for the cache."""
    newest = request.messages[-1]
    options = request.options
    if not isinstance(newest, User) or not isinstance(newest.content, str) or options.tools or options.logit_bias:
        return False
    if options.temperature is not None and options.temperature > MOST_TEMPERATURE and not asked:
        return False
    return asked or _FRESH.search(newest.content.casefold()) is None


def clean(completion: Completion) -> bool:
    """Whether an answer is whole, and made of text alone."""
    plain = not completion.tool_calls and not completion.refusal
    return plain and completion.finish_reason == "stop" and bool(completion.text)


class Place(Struct, frozen=True):
    """Where an answer may be kept: its scope, which is checked on the entry too, and its exact key."""

    scope: str
    key: str


def places(tenant_tag: str, user_tag: str, request: ChatRequest) -> tuple[Place, Place]:
    """The user's own place for the answer to `request`, and the one that all users of the tenant share.

    The scope is everything but the newest message's text; two requests share an answer only where it is equal. The
    cap on output is not in it, since only answers that ended by themselves are kept.
    """
    unlike = msgspec.structs.replace(request.options, user=None)
    *earlier, newest = request.messages
    parts = (request.model, earlier, getattr(newest, "name", None), unlike)
    digest = hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
    question = canonical(text_of(newest.content))
    own, shared = (f"1:{tenant_tag}:{user}:{request.model}:{digest}" for user in (user_tag, "*"))
    return _place(own, question), _place(shared, question)


def _place(scope: str, question: str) -> Place:
    return Place(scope, hashlib.sha256(f"{scope}\n{question}".encode()).hexdigest())


def canonical(text: str) -> str:
    """The question without what never changes its answer."""
    text = text.strip()
    if len(text) > MOST_FOLDED or _PAYLOAD.search(text):
        return text
    folded = unicodedata.normalize("NFC", _guarded(text).casefold()).replace("’", "'")
    folded = " ".join(folded.split())
    folded = _CONTRACTION.sub(lambda found: _CONTRACTIONS[found.group()], folded)
    while (shorter := _shorter(folded)) != folded:
        folded = shorter
    return folded


def _guarded(text: str) -> str:
    """`text` with a mark on the words whose case says something: acronyms, and names with capitals inside."""
    if text.isupper():
        return text
    marked = _ACRONYM.sub(lambda found: f"^{found.group()}", text)
    return _CAPITALS_INSIDE.sub(lambda found: f"^{found.group().encode().hex()}", marked)


def _shorter(folded: str) -> str:
    """`folded` without one layer of politeness, unless the polite word is what is asked about."""
    ended = _ended(folded)
    opening = _OPENINGS.match(ended)
    asked = ended[opening.end() :] if opening else ended
    for closing in _CLOSINGS:
        rest = asked.removesuffix(closing)
        if rest != asked and rest.endswith((" ", ",")):
            about = _MENTION.fullmatch(_ended(rest).rpartition(" ")[2])
            return asked if about else _ended(rest)
    return asked


def _ended(text: str) -> str:
    """`text` without closing punctuation, but for the mark of a factorial."""
    ended = text.rstrip(_ENDINGS)
    return ended + "!" if text.startswith("!", len(ended)) and _FACTOR.search(ended) else ended
