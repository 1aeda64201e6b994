"""`VectorIndex`: questions found by meaning, within their scope alone. `tests/opensearch` runs it on real engines."""

import random

import pytest

from chalicelib.adapters.memory.vectors import MemoryVectors
from chalicelib.domain.entries import Purge, Sought
from tests.contract.meanings import NOW, SCOPE, SECONDS, FlatIndexes, MemoryIndexes, entry, noise, scope, sought

PARTS = ("tenant", "user", "model", "prefix", "embedder")
ODD = ["a#b", "a:b", 'a"b', "*", "a\nb", "ä/é", "a b AND c", "", "x" * 300, "a\\", "[a]"]


@pytest.fixture(params=["memory", "moto", pytest.param("emulator", marks=pytest.mark.xdist_group("emulator"))])
def indexes(request):
    """The index of one process, and of others over the same data."""
    if request.param == "memory":
        return MemoryIndexes()
    return FlatIndexes(request.getfixturevalue(f"on_{request.param}"))


def ids(found):
    return [each.id for each in found]


def found(index, *values, **changes):
    return ids(index.search(sought(*values, **changes), SECONDS))


def keep(indexes, *entries, now=NOW):
    indexes.index.add(entries, now)
    indexes.settle()


def test_an_empty_index_finds_nothing(indexes):
    assert list(indexes.index.search(sought(1.0), SECONDS)) == []


def test_the_most_similar_come_first_with_their_cosine(indexes):
    keep(indexes, entry("far", 0.0, 1.0), entry("near", 2.0, 0.5), entry("same", 3.0), entry("against", -1.0))

    near = indexes.index.search(sought(1.0), SECONDS)

    assert ids(near) == ["same", "near", "far", "against"]
    assert [each.similarity for each in near] == pytest.approx([1.0, 0.9701, 0.0, -1.0], abs=0.01)


def test_a_neighbour_carries_what_its_entry_said(indexes):
    made = entry(
        "e1", 1.0, question="Wie spät ist's 🌊?", answer="k" * 64, created_at=NOW - 5, expires_at=NOW + 7, said="5d1c",
    )  # fmt: skip
    keep(indexes, made)

    (near,) = indexes.again().search(sought(1.0), SECONDS)

    for name in ("id", "scope", "question", "answer", "created_at", "expires_at", "said"):
        assert getattr(near, name) == getattr(made, name)


def test_no_more_come_than_were_asked_for(indexes):
    keep(indexes, *(entry(f"e{n}", 1.0, n / 10) for n in range(7)))

    assert found(indexes.index, 1.0, most=3) == ["e0", "e1", "e2"]


@pytest.mark.parametrize("part", PARTS)
def test_a_scope_that_differs_in_one_part_is_another(indexes, part):
    other = scope(**{part: "other"})
    keep(indexes, entry("mine"), entry("theirs", of=other))

    assert found(indexes.index) == ["mine"]
    assert found(indexes.index, of=other) == ["theirs"]


@pytest.mark.parametrize("name", ODD)
def test_a_part_of_a_scope_may_be_any_text(indexes, name):
    odd = scope(model=name, prefix=name)
    keep(indexes, entry("odd", of=odd), entry("mine"))

    assert found(indexes.index, of=odd) == ["odd"]
    assert found(indexes.again(), of=odd) == ["odd"]
    assert indexes.index.purge(Purge("acme", model=name), NOW) == 1


def test_parts_that_read_alike_when_joined_are_not_one_scope(indexes):
    keep(indexes, entry("mine", of=scope(model="a", prefix="b:c")))

    assert found(indexes.index, of=scope(model="a:b", prefix="c")) == []


def test_the_same_id_lives_in_two_scopes(indexes):
    other = scope(tenant="evil")
    keep(indexes, entry("e1"), entry("e1", of=other, question="Whose?"))

    indexes.index.remove(other, ["e1"], NOW)
    indexes.settle()

    assert found(indexes.index) == ["e1"]
    assert found(indexes.index, of=other) == []


def test_a_newer_entry_replaces_the_one_with_its_id(indexes):
    keep(indexes, entry("e1", 1.0, created_at=NOW - 9, answer="old"))
    keep(indexes, entry("e1", 0.9, 0.1, answer="new"))

    for index in (indexes.index, indexes.again()):
        (near,) = index.search(sought(1.0), SECONDS)
        assert near.answer == "new"


def test_what_has_expired_is_not_found(indexes):
    keep(indexes, entry("short", expires_at=NOW + 10), entry("long", 0.9, 0.1, expires_at=NOW + 20))

    assert found(indexes.index, now=NOW + 9.5) == ["short", "long"]
    assert found(indexes.index, now=NOW + 10) == ["long"]
    assert found(indexes.again(), now=NOW + 10) == ["long"]


def test_a_vector_of_zeros_is_near_nothing_and_is_not_kept(indexes):
    keep(indexes, entry("zero", 0.0), entry("one"))

    assert found(indexes.index, 1.0) == ["one"]
    assert found(indexes.index, 0.0) == []


def test_another_process_sees_what_was_added_and_taken_back(indexes):
    other = indexes.again()
    keep(indexes, entry("e1"))
    assert found(other) == ["e1"]

    keep(indexes, entry("e2", 0.9, 0.1))
    assert found(other) == ["e1", "e2"]

    indexes.index.remove(SCOPE, ["e1", "never"], NOW)
    indexes.settle()
    assert found(other) == ["e2"]
    assert found(indexes.again()) == ["e2"]


def test_two_processes_that_add_by_turns_see_each_other(indexes):
    other = indexes.again()

    for number in range(4):
        index = (indexes.index, other)[number % 2]
        index.add([entry(f"e{number}", 1.0, number / 10)], NOW + number)
        indexes.settle()
        assert len(found(indexes.index)) == number + 1
        assert len(found(other)) == number + 1


def test_what_was_taken_back_may_come_again(indexes):
    keep(indexes, entry("e1"))
    found(indexes.index)
    indexes.index.remove(SCOPE, ["e1"], NOW + 1)
    keep(indexes, entry("e1", created_at=NOW + 2), now=NOW + 2)

    assert found(indexes.index, now=NOW + 2) == ["e1"]
    assert found(indexes.again(), now=NOW + 2) == ["e1"]


@pytest.mark.parametrize(
    ("purge", "taken"),
    [
        (Purge("acme"), {"mine", "old", "other user", "other model", "other prefix"}),
        (Purge("acme", user="ada"), {"mine", "old", "other model", "other prefix"}),
        (Purge("acme", model="echo"), {"mine", "old", "other user", "other prefix"}),
        (Purge("acme", prefix="p1"), {"mine", "old", "other user", "other model"}),
        (Purge("acme", user="ada", model="m2"), {"other model"}),
        (Purge("acme", before=NOW - 50), {"old"}),
        (Purge("acme", user="bob", before=NOW - 50), set()),
        (Purge("nobody"), set()),
    ],
    ids=lambda each: (
        str(each) if isinstance(each, Purge) else str(len(each))
    ),  # a set's order is another in each process
)
def test_a_purge_takes_what_fits_and_nothing_else(indexes, purge, taken):
    entries = [
        entry("mine"),
        entry("old", created_at=NOW - 100),
        entry("other user", of=scope(user="bob")),
        entry("other model", of=scope(model="m2")),
        entry("other prefix", of=scope(prefix="p2")),
        entry("other tenant", of=scope(tenant="evil")),
    ]
    left = {each.id for each in entries} - taken
    keep(indexes, *entries)
    for each in entries:
        found(indexes.index, of=each.scope)

    count = indexes.index.purge(purge, NOW)
    indexes.settle()

    assert count == len(taken)
    for index in (indexes.index, indexes.again()):
        assert {name for each in entries for name in found(index, of=each.scope)} == left
    assert indexes.index.purge(purge, NOW) == 0


def test_every_one_of_many_entries_is_found(indexes):
    many = [entry(f"e{n}", vector=noise(n)) for n in range(1_203)]
    keep(indexes, *many)

    for index in (indexes.index, indexes.again()):
        for each in many[::401]:
            nearest = index.search(Sought(SCOPE, each.vector, NOW, most=1), SECONDS)
            assert ids(nearest) == [each.id]


def test_what_expired_makes_room(indexes):
    keep(indexes, entry("short", expires_at=NOW + 10), entry("long"))

    assert indexes.index.expire(NOW + 11) in {0, 1}
    indexes.settle()

    assert found(indexes.index, now=NOW + 11) == ["long"]
    assert indexes.index.expire(NOW + 11) == 0


@pytest.mark.parametrize("seed", range(3))
def test_any_history_ends_as_it_does_in_memory(indexes, seed):
    draw = random.Random(seed)
    model, processes = MemoryVectors(), [indexes.index, indexes.again()]
    scopes = [scope(tenant=tenant, user=user) for tenant in ("acme", "evil") for user in ("ada", "*")]
    now = NOW
    for _ in range(40):
        now += draw.randrange(1, 5)
        of, name = draw.choice(scopes), f"e{draw.randrange(12)}"
        made = entry(name, vector=noise(draw.random()), of=of, created_at=now, expires_at=now + 40)
        purge = Purge(of.tenant, draw.choice([None, of.user]), before=draw.choice([None, now - 20]))
        steps = ([made],), (of, [name, "e0"]), (purge,)
        step = draw.choices([0, 1, 2], [8, 2, 1])[0]
        for index in (model, draw.choice(processes)):
            (index.add if step == 0 else index.remove if step == 1 else index.purge)(*steps[step], now)
        indexes.settle()
        for each in scopes:
            wanted = set(found(model, of=each, now=now, most=50))
            assert [set(found(index, of=each, now=now, most=50)) for index in processes] == [wanted, wanted]


def test_an_index_that_is_well_says_so(indexes):
    keep(indexes, entry("e1"))
    found(indexes.index)

    health = indexes.index.health()

    assert (health.up, health.entries, health.words) == (True, 1, "")
