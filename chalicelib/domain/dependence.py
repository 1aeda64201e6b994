"""Whether a question can be understood alone, and whether its answer can be anybody else's.

Both err to one side: a question that only might point outside itself is taken to, and one that only might name a
person is not cached. That costs a call to the model, and no wrong answer. The words are English; a question without
any English word in it is taken to point outside itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chalicelib.domain.chat import Assistant, Developer, Message, System, User

FRESH: Final = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|current|currently|latest|newest|recent|recently|at the moment"
    r"|this (?:week|month|year)|last (?:night|week|month|year)|what time|what date|weather|score|delayed"
    r"|how (?:many days|long) until|random|uuid|guid|joke|flip a coin|roll a|exchange rate"
    r"|(?:stock|share|bitcoin|gold|oil|gas)(?:'s)? price|price of (?:bitcoin|gold|oil|gas))\b"
)
_ACTION: Final = re.compile(
    r"^(?:please\s+|can you\s+|could you\s+|would you\s+)?"
    r"(?:book|buy|order|send|email|e-mail|text|pay|transfer|wire|cancel|delete|schedule|reschedule|remind|subscribe"
    r"|unsubscribe|submit|post|publish|deploy|restart|execute)\s+"
    r"(?:me|my|him|her|them|us|our|it|this|that|the|a|an)\b"
)
_PERSONAL: Final = re.compile(
    r"\b(?:my name is|i am called|call me|i live (?:at|in)|i was born"
    r"|my (?:e-?mail|phone|mobile|address|password|passport|ssn|social security|account number|iban|pin) (?:is|=|:))"
    r"|[\w.+-]@[\w-]+\.\w"  # an address
    r"|(?<![\w.,])\+?\d(?:[\s().-]?\d){8,}(?!\w)"  # the number of a telephone, a card, an account
    r"|(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*\d{5})"  # that of an order, a ticket, a part; looked at where it begins, once
)
_POINTING: Final = re.compile(
    r"\b(?:this|that|these|those|it|its|it's|he|she|they|him|her|hers|his|them|their|theirs|itself|himself|herself"
    r"|themselves|there|here|above|below|previous|previously|earlier|before|again|former|latter|same|others?|another"
    r"|else|more|rest|continue|instead|also|too|such|so|first|second|third|last|next|ones?|both|either|neither"
    r"|the (?:answer|question|result|code|text|list|table|error|output|example|document|file|story|poem)"
    r"|my|mine|our|ours|we|us|me|you said|your (?:answer|reply|last)|mentioned|discussed|said|told)\b"
)
_DEFINITE: Final = re.compile(r"\b[Tt]he\s+[a-z][\w'-]*(?:\s+[a-z][\w'-]*)?\s*[?.!]*\s*$")  # which one, was said before
_CONTINUING: Final = re.compile(
    r"^(?:and|but|or|so|then|because|also|plus|ok|okay|yes|yeah|no|nope|sure|thanks|thank|why|how come|really"
    r"|what about|how about|what if|in that case|for example|like what|such as|go on|elaborate|explain|expand|shorter"
    r"|longer|simpler|translate|rewrite|rephrase|summari[sz]e|repeat|correct|fix|now"
    r"|in (?:english|french|german|spanish|python|java|rust|go))\b"
)
_ENGLISH: Final = re.compile(
    r"\b(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|should|would|will|the|of"
    r"|in|to|for|with|on|from|by|an?|list|explain|describe|tell|give|write|name)\b"
)
_SCENE: Final = re.compile(
    r"\b(?:from now on|always|never|every time|each time|pretend|imagine|act as|role-?play|you are|you're|your name is"
    r"|for the rest|until i|answer (?:in|as|with|only|me)|reply (?:in|as|with|only)|respond (?:in|as|with|only)"
    r"|speak (?:in|like|as)|talk (?:in|like|as)|use (?:only|the)|keep (?:it|your)"
    r"|be (?:brief|short|concise|formal|funny)|assume|suppose|let (?:x|y|a|b|n)|call me|remember"
    r"|i am|i'm|i have|i've|i like|i live|i work|i want|i need|my)\b"
)
_LEGIBLE: Final = re.compile(r"[A-Za-z\u00c0-\u024f0-9\s.,;:!?'\"\u2019\u201c\u201d()&%$\u20ac\u00a3@/-]+")
_SUM: Final = re.compile(r"\d\s*[-/]\s*\d|(?<!\w)-\s?\d|\d!")  # a sign can make all the difference
_OWN: Final = re.compile(
    r"\b(?:my|mine|our|ours|myself|ourselves|me|i'm|i am|i've|i have|i was|i had|i will|i'll|am i|did i|have i|was i"
    r"|do i have|do i owe|we're|we are|we have|we've|did we|are we|have we)\b"
)
FEWEST_WORDS: Final = 4
MOST_COMPARED: Final = 500  # characters: the time to compare two grows with the square, and nobody asks this twice


def stands_alone(question: str) -> bool:
    """Whether `question` means the same whatever was said before it."""
    text = _plain(question)
    if len(text.split()) < FEWEST_WORDS or not _ENGLISH.search(text):
        return False
    return not (_CONTINUING.search(text) or _POINTING.search(text) or _DEFINITE.search(question))


def context_of(earlier: Sequence[Message], question: str) -> tuple[Message, ...]:
    """Those of the `earlier` messages that the answer to `question` may depend on.

    Instructions always. The rest only where the question points outside itself, where somebody said how to answer from
    then on, or where tools were used.
    """
    talk = [message for message in earlier if not isinstance(message, (System, Developer))]
    if not talk or not stands_alone(question) or any(map(_sets_the_scene, talk)):
        return tuple(earlier)
    return tuple(message for message in earlier if isinstance(message, (System, Developer)))


def _plain(text: str) -> str:
    return text.casefold().replace("\u2019", "'").strip()


def _sets_the_scene(message: Message) -> bool:
    if isinstance(message, User):
        return not isinstance(message.content, str) or bool(_SCENE.search(_plain(message.content)))
    return not isinstance(message, Assistant) or bool(message.tool_calls)


def comparable(question: str) -> bool:
    """Whether `question` may be compared with others by its meaning.

    It is short, and of words that the guards read: one sign among others, an operator, an emoji, a letter of a script
    without spaces, can make all the difference and hardly moves a vector.
    """
    short = len(question) <= MOST_COMPARED
    return short and _LEGIBLE.fullmatch(question) is not None and _SUM.search(question) is None


def answers_everybody(question: str) -> bool:
    """Whether what is asked is no deed, no news, and about nobody in particular."""
    text = _plain(question)
    return not FRESH.search(text) and not _ACTION.search(text) and not _PERSONAL.search(text)


def speaks_of_self(question: str) -> bool:
    """Whether the answer may be about who asks: then it is theirs alone, whoever shares answers."""
    return _OWN.search(_plain(question)) is not None
