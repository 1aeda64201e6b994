"""Pairs made by rule from real questions: changes that change the answer, and changes that do not."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from chalicelib.domain.semantic.names import NAMES
from chalicelib.domain.semantic.opposites import OPPOSITES
from chalicelib.domain.semantic.stems import stem
from training.labelled import Pair


def _parts(words: str) -> list[str]:
    return words.split("|" if "|" in words else " ")


_ADDITIONS: Final = _parts(
    "for free|for beginners|for children|for adults|for students|for seniors|for women|for men|at home|at work|at night"
    "|in winter|in the morning|during pregnancy|during the war|without money|without a car|without experience"
    "|without an account|after a divorce|after college|before an exam|under pressure|on a budget|with a disability"
    "|with no internet|by hand|by email|in public|in a small town|as a foreigner|as a teenager|while driving|on a phone"
    "|on an empty stomach|abroad|in advance|using only a pen|over the weekend|through an agent|in the office"
    "|when it is raining|for a living|against the law|for a wedding|with a broken leg|near the airport"
)
_ADJECTIVES: Final = _parts(
    "cheap expensive female male young elderly foreign small large professional amateur electric wooden online offline "
    "retired digital private international wild former unmarried independent religious commercial rural famous "
    "experienced military"
)
_DIGITS: Final = {
    "2": "two", "3": "three", "4": "four", "5": "five", "6": "six", "7": "seven", "8": "eight", "9": "nine",
    "10": "ten", "11": "eleven", "12": "twelve", "15": "fifteen", "20": "twenty", "30": "thirty", "40": "forty",
    "50": "fifty", "60": "sixty", "90": "ninety",
}  # fmt: skip
_SPELLED: Final = {word: digit for digit, word in _DIGITS.items()}
_FRAMES: Final = (
    (r"^Can I ", "May I "), (r"^Could ", "Can "), (r"^Can ", "Could "), (r"^Does ", "Can "),
    (r"^What do I have to ", "What must I "),
    (r" used for\?$", " for?"), (r"\bhas to\b", "must"), (r"\bhave to\b", "must"), (r"^May I ", "Can I "),
    (r"^How is (.+) made", r"How do you make \1"), (r"\bless than\b", "fewer than"),
    (r"^How do I ", "How can I "), (r"^How can I ", "How do I "), (r"^How do you ", "How do I "),
    (r"^How can I ", "What is the best way to "), (r"^How do I ", "How should I "), (r"^What is ", "What's "),
    (r"^What are some ", "What are "), (r"^What are the ", "Which are the "), (r"^What is the ", "Which is the "),
    (r"\bsome of the ", "the "), (r"^What are some of the ", "What are the "), (r" I should ", " should I "),
    (r"\bdo not\b", "don't"), (r"\bdon't\b", "do not"), (r"\bis it\b", "is it really"), (r"\bI am\b", "I'm"),
    (r"^Why is ", "What is the reason that "), (r"^Why do ", "Why exactly do "), (r"^Can I ", "Is it possible to "),
    (r"^Is there any ", "Is there a "), (r"^Which is the best ", "What is the best "), (r"\bWho is\b", "Who's"),
    (r"\bdoes anyone\b", "does anybody"), (r"\bpeople\b", "persons"), (r"^How to ", "How do I "),
    (r"^Are there any ", "Are there "), (r"^What does ", "What exactly does "), (r"^Should I ", "Should one "),
    (r"^How much ", "Approximately how much "), (r"\bmovies\b", "films"), (r"\bbuy\b", "purchase"),
    (r"\bbig\b", "large"), (r"\bquickly\b", "fast"), (r"\bquit\b", "stop"), (r"\bbegin\b", "start"),
    (r"\bstart\b", "begin"), (r"\bfix\b", "repair"), (r"\bphoto\b", "picture"), (r"\bjob\b", "work"),
)  # fmt: skip
_POLITE: Final = (
    "Please tell me, {}", "Could you tell me {}", "Hello, {}", "Hey there! {}", "{} Please.", "{} Thank you!",
    "I would like to know: {}", "Does anyone know {}", "{} Thanks in advance.", "Good morning, {}",
    "I was wondering, {}",
)  # fmt: skip
_NAMES: Final = sorted(NAMES)
_OTHERWISE: Final = {
    "Is it ": ["Why is it ", "Was it ", "When is it "], "Is there ": ["Why is there ", "Was there ", "Where is there "],
    "Is ": ["Was ", "Why is ", "How is ", "Should I trust that ", "When is "],
    "Are ": ["Were ", "Why are ", "How are "],
    "Do ": ["Did ", "Why do ", "Should ", "How do "], "Does ": ["Did ", "Why does ", "Should ", "How does "],
    "Can ": ["Should ", "Why can ", "How can ", "When can "],
    "Should ": ["Can ", "Why should ", "Does ", "When should "],
    "Will ": ["Did ", "Should ", "Why will ", "When will "], "How do ": ["Why do ", "When do ", "Where do ", "Do "],
    "How can ": ["Why should ", "Can ", "When can "], "Why do ": ["How do ", "When do ", "Do ", "Should "],
    "Why is ": ["Is ", "Where is ", "How is ", "When is "], "Why are ": ["Are ", "How are ", "Where are "],
    "What is the best ": ["Who has the best ", "What is the price of the best ", "Why is there a best "],
    "What are the ": ["Why are there ", "Where are the ", "Are there ", "What caused the ", "Who has the "],
    "What is the ": ["Where is the ", "Who needs the ", "Why is there the ", "Is there a ", "What replaced the "],
    "What is ": ["Who uses ", "Where is ", "What is the history of ", "What is the price of ", "How does one make ",
                 "What is the purpose of ", "When was "],
    "Who is ": ["Where is ", "What made ", "Who knows ", "When was "], "Where ": ["When ", "Why ", "How "],
    "When ": ["Where ", "Why ", "How "], "How much ": ["How often ", "Why so much "], "Which ": ["Who made which "],
}  # fmt: skip
_FEWEST_WORDS: Final = 3
_LONG: Final = 5
_YES_NO: Final = re.compile(r"^(is|are|do|does|did|can|could|should|will|would|was|were|has|have)\b", re.IGNORECASE)

Rule = Callable[[str, random.Random], str | None]


def made(texts: Iterable[str], rng: random.Random) -> Iterator[Pair]:
    """For each text, up to two traps and two paraphrases of it, by rules that fit it."""
    for text in texts:
        for rules, label in ((TRAPS, 0), (PARAPHRASES, 1)):
            for name, rule in rng.sample(rules, 5):
                changed = rule(text, rng)
                if changed is not None and changed != text:
                    yield Pair("made", f"{label}:{name}", text, changed, label)
                    break


def _number(text: str, rng: random.Random) -> str | None:
    found = list(re.finditer(r"\d+", text))
    if not found:
        return None
    at = rng.choice(found)
    value = int(at[0])
    other = rng.choice([value + 1, value * 2, max(0, value - 1), value + rng.randint(2, 40), value * 10])
    return text[: at.start()] + str(other) + text[at.end() :]


def _negated(text: str, rng: random.Random) -> str | None:
    words = text.split(" ")
    return _inserted(words, rng.randint(1, min(4, len(words) - 1)), "not") if len(words) > _FEWEST_WORDS else None


def _opposite(text: str, rng: random.Random) -> str | None:
    places = [place for place, word in enumerate(text.split(" ")) if stem(word) == word and word in OPPOSITES]
    return _replaced(text, rng.choice(places), lambda word: rng.choice(sorted(OPPOSITES[word]))) if places else None


def _named(text: str, rng: random.Random) -> str | None:
    places = [place for place, word in enumerate(text.split(" ")) if word.strip("?,.'\"").lower() in NAMES]
    return _replaced(text, rng.choice(places), lambda _: rng.choice(_NAMES).title()) if places else None


def _renamed(text: str, rng: random.Random) -> str | None:
    places = [place for place, word in enumerate(text.split(" ")) if place and word[:1].isupper() and len(word) > 1]
    return _replaced(text, rng.choice(places), lambda _: rng.choice(_NAMES).title()) if places else None


def _narrowed(text: str, rng: random.Random) -> str | None:
    end = text[-1] if text[-1] in "?." else ""
    return f"{text.rstrip('?. ')} {rng.choice(_ADDITIONS)}{end}"


def _described(text: str, rng: random.Random) -> str | None:
    words = text.split(" ")
    places = [
        place for place, word in enumerate(words) if word in {"a", "an", "the", "some"} and place + 1 < len(words)
    ]
    return _inserted(words, rng.choice(places) + 1, rng.choice(_ADJECTIVES)) if places else None


def _turned(text: str, _: random.Random) -> str | None:
    found = re.search(r"\bfrom (\w+) to (\w+)", text)
    return text[: found.start()] + f"from {found[2]} to {found[1]}" + text[found.end() :] if found else None


def _asked_otherwise(text: str, rng: random.Random) -> str | None:
    fitting = [before for before in _OTHERWISE if text.startswith(before)]
    return rng.choice(_OTHERWISE[fitting[0]]) + text[len(fitting[0]) :] if fitting else None


def _typed(text: str, rng: random.Random) -> str | None:
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if len(word) >= _LONG and word.isalpha()]
    return _replaced(text, rng.choice(places), lambda word: _slip(word, rng)) if places else None


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randint(1, len(word) - 2)
    return rng.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + rng.choice("abcdefghiklmnoprstuvy") + word[at + 1 :],
        ]
    )


def _recased(text: str, rng: random.Random) -> str | None:
    return rng.choice([text.lower().rstrip("?. "), text.title(), text.upper(), text.lower()])


def _polite(text: str, rng: random.Random) -> str | None:
    return rng.choice(_POLITE).format(text[0].lower() + text[1:])


def _framed(text: str, rng: random.Random) -> str | None:
    fitting = [frame for frame in _FRAMES if re.search(frame[0], text)]
    return re.sub(*rng.choice(fitting), text, count=1) if fitting else None


def _spelled(text: str, rng: random.Random) -> str | None:
    words = text.split(" ")
    other = _DIGITS | _SPELLED
    places = [place for place, word in enumerate(words) if word in other]
    return _replaced(text, rng.choice(places), other.__getitem__) if places else None


def _filled(text: str, rng: random.Random) -> str | None:
    words = text.split(" ")
    if len(words) <= _FEWEST_WORDS:
        return None
    return _inserted(words, rng.randint(1, 3), rng.choice(["really", "actually", "exactly", "basically", "just"]))


def _exchanged(text: str, _: random.Random) -> str | None:
    found = re.search(r"\b(\w+) (and|or) (\w+)\b", text)
    return text[: found.start()] + f"{found[3]} {found[2]} {found[1]}" + text[found.end() :] if found else None


def _replaced(text: str, place: int, change: Callable[[str], str]) -> str:
    words = text.split(" ")
    bare = words[place].strip("?,.'\"")
    words[place] = words[place].replace(bare, change(bare), 1)
    return " ".join(words)


def _inserted(words: Sequence[str], place: int, word: str) -> str:
    return " ".join([*words[:place], word, *words[place:]])


TRAPS: Final[tuple[tuple[str, Rule], ...]] = (
    ("number", _number), ("negation", _negated), ("opposite", _opposite), ("name", _named), ("name", _renamed),
    ("narrowed", _narrowed), ("narrowed", _narrowed), ("described", _described), ("direction", _turned),
    ("asked", _asked_otherwise), ("asked", _asked_otherwise),
)  # fmt: skip
PARAPHRASES: Final[tuple[tuple[str, Rule], ...]] = (
    ("slip", _typed), ("slip", _typed), ("case", _recased), ("polite", _polite), ("frame", _framed),
    ("frame", _framed), ("frame", _framed), ("digits", _spelled), ("filler", _filled), ("exchanged", _exchanged),
)  # fmt: skip
