"""Who does what to whom: whether two words have changed parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final, NamedTuple

from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.parts import FREEING, JOINING, Part
from chalicelib.domain.semantic.reading import Reading
from chalicelib.domain.semantic.stems import stem
from chalicelib.domain.semantic.word_lists import set_of

# With these it is the same the other way round.
_MUTUAL: Final = frozenset(
    stem(word)
    for word in set_of("""
    differ different difference far similar similarity compare compared comparing comparison comparable versus
    vs same equal equals equivalent identical related relate relation relationship between marry married meet connect
    connected connection correlate correlated correlation intersect overlap rhyme synonym synonymous near twin
    interact interaction compatible mix combine together border date dating""")
)
_KIN: Final = set_of("""
    friend brother sister sibling cousin spouse partner roommate classmate colleague neighbor neighbour acquaintance
    friends engaged close twin""")  # with these it is, where it says of whom
_LINKS: Final = frozenset({"of", "to", "with"})
_COMMUTING: Final = frozenset(
    stem(word) for word in set_of("plus add added adding sum times multiply multiplied product common total")
)
_PASSIVE: Final = set_of("am is are was were be been being get gets got getting")
_LOOSE: Final = set_of("""
    online together alone abroad fast too again only first free please easily always often also best better good worst
    worse top more less good great""")
_FEW: Final = 2
_SHORT: Final = 5  # "test" is no superlative


Parts = dict[str, Part]


def swapped(pair: Match) -> bool:
    """Whether two words that both have stand in each other's part."""
    alone = len(pair.only_left) + len(pair.only_right)
    if alone > _FEW or _is_mutual(pair.left) or _is_mutual(pair.right):
        return False
    left, right = _once(pair.left.parts), _once(pair.right.parts)
    if _exchanged(left, right, commuting=_commuting(pair)):
        return True
    if alone:
        return False
    if _agent(pair.left) is None and _agent(pair.right) is None:
        return _turned(pair, left, right) or _counts_exchanged(left, right)
    return _voice_alone(pair)


def _is_mutual(reading: Reading) -> bool:
    """Whether it asks of what holds both ways: "the same", "between", "a friend of"."""
    if reading.stems & _MUTUAL:
        return True
    return any(one.lower in _KIN and other.lower in _LINKS for one, other in pairwise(reading.words))


def _once(found: Sequence[Part]) -> dict[str, Part]:
    """The parts of words that occur once."""
    times = Counter(part.stem for part in found)
    return {part.stem: part for part in found if times[part.stem] == 1}


def _commuting(pair: Match) -> bool:
    return bool((pair.left.stems | pair.right.stems) & _COMMUTING)


def _exchanged(left: Parts, right: Parts, *, commuting: bool) -> bool:
    """Whether each of two words is governed by what governed the other."""
    moves: dict[tuple[str, str], list[str]] = {}
    for word in left.keys() & right.keys():
        moves.setdefault((left[word].governor, right[word].governor), []).append(word)
    return any(
        before < after and not (commuting and all(word[0] == "#" for word in (*words, *moves.get((after, before), ()))))
        for (before, after), words in moves.items()
        if moves.get((after, before))
    )


def _voice_alone(pair: Match) -> bool:
    """Whether the voice alone was changed: "Was Ann seen by Bob" asks not what "Did Ann see Bob" asks."""
    passive = [_agent(reading) for reading in (pair.left, pair.right)]
    if (passive[0] is None) == (passive[1] is None):
        return False
    other = pair.right if passive[0] else pair.left
    verb, agent, patients = passive[0] or passive[1] or ("", "", set())
    found = other.parts
    stems = [part.stem for part in found]
    if verb not in stems:
        return False
    place = stems.index(verb)
    acts = any(part.stem == agent and not part.governor for part in found[place + 1 :])
    return acts and bool(patients & set(stems[:place]))


def _agent(reading: Reading) -> tuple[str, str, set[str]] | None:
    """The verb of a passive question, by whom it is done, and what it is done to."""
    lowers = [word.lower for word in reading.words]
    if "by" not in lowers or not _PASSIVE & set(lowers):
        return None
    place = lowers.index("by")
    before = [part.stem for part in reading.parts if part.place < place]
    after = [part.stem for part in reading.parts if part.place > place]
    return (before[-1], after[0], set(before[:-1])) if len(before) > 1 and after else None


def _turned(pair: Match, left: Parts, right: Parts) -> bool:
    """Whether two words with the same governor stand the other way round, about the same word or next to each other."""
    choice = "or" in {word.lower for reading in (pair.left, pair.right) for word in reading.words}
    for one, other in combinations((part for part in left.values() if part.stem in right), 2):
        here, there = right[one.stem], right[other.stem]
        if there.place < here.place and len({part.governor for part in (one, other, here, there)}) == 1:
            gap, again = _gap(pair.left, left, one, other), _gap(pair.right, right, there, here)
            free = any(_moves(*ends, choice=choice) for ends in ((one, here), (other, there)))
            free = free or (pair.left.kind == "who" and one.capital and other.capital)  # "Lovelace, Ada"
            if gap and again and (gap.between & again.between or (gap == again and not free)):
                return True
    return False


class _Gap(NamedTuple):
    between: frozenset[str]
    linked: bool


def _moves(one: Part, other: Part, *, choice: bool) -> bool:
    """Whether a word may stand before or behind another: "building muscle", "muscle building"."""
    word, again = one.lower, other.lower
    if one.stem[0] == "<":
        return False
    return (
        one.stem[0] == "#"
        or word in _LOOSE
        or word.endswith(("ly", "ing", "ed"))
        or (word.endswith("est") and len(word) > _SHORT)
        or (choice and word.endswith("er"))
        or word.removesuffix("s") != again.removesuffix("s")
    )


def _gap(reading: Reading, found: Parts, start: Part, end: Part) -> _Gap | None:
    """What stands between the two; None where they are joined, and may change places."""
    lowers = {word.lower for word in reading.words[start.place + 1 : end.place]}
    if lowers & JOINING:
        return None
    between = frozenset(part.stem for part in found.values() if start.place < part.place < end.place)
    return _Gap(between, bool(lowers & FREEING))


def _counts_exchanged(left: Parts, right: Parts) -> bool:
    """Whether two numbers count each other's things: "3 men, 5 days", "5 men, 3 days"."""
    ours, theirs = dict(_counted(left)), dict(_counted(right))
    both = [number for number in ours.keys() & theirs.keys() if ours[number] != theirs[number]]
    return any(ours[one] == theirs[other] and ours[other] == theirs[one] for one, other in combinations(both, 2))


def _counted(found: Parts) -> Iterator[tuple[str, str]]:
    for number, thing in pairwise(found.values()):
        if number.stem[0] == "#" and thing.place == number.place + 1:
            yield number.stem, thing.stem
