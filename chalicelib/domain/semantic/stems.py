"""A word without the ending that grammar gives it: rough, but alike for the forms of one word."""

from __future__ import annotations

from typing import Final

_ENDINGS: Final = (("ies", "i"), ("ied", "i"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""))
_SHORTEST_STEM: Final = 3
_IRREGULAR: Final = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "bought": "bui", "sold": "sell",
    "sent": "send", "made": "mak", "got": "get", "gotten": "get", "went": "go", "gone": "go", "goes": "go",
    "took": "tak", "taken": "tak", "gave": "giv", "given": "giv", "saw": "see", "seen": "see", "told": "tell",
    "said": "say", "thought": "think", "knew": "know", "known": "know", "wrote": "writ", "written": "writ",
    "ate": "eat", "eaten": "eat", "lost": "los", "won": "win", "paid": "pay", "found": "find", "felt": "feel",
    "kept": "keep", "met": "meet", "ran": "run", "began": "begin", "became": "becom", "came": "com",
    "chose": "choos", "chosen": "choos", "broke": "break", "broken": "break", "stolen": "steal", "stole": "steal",
    "spent": "spend", "built": "build", "learnt": "learn", "meant": "mean", "taught": "teach", "caught": "catch",
    "use": "use", "used": "use", "uses": "use", "using": "use", "news": "news", "always": "always", "this": "this",
    "does": "do", "was": "was", "has": "has", "colour": "color", "favourite": "favorit", "during": "during",
}  # fmt: skip


def stem(word: str) -> str:
    """`word` without the ending that grammar gives it."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    bare = word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM and not word.endswith(("ss", "us")):
            bare = word[: -len(ending)] + instead
            doubled = ending in {"ing", "ed"} and bare[-1] == bare[-2] and bare[-1] not in "lsz"
            bare = bare[:-1] if doubled else bare
            break
    if len(bare) > _SHORTEST_STEM and bare[-1] in "ey":
        return bare[:-1] + ("i" if bare[-1] == "y" else "")
    return bare


def shared(one: str, other: str) -> int:
    """How many letters two words begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
