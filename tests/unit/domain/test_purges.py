import msgspec
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.entries import AnswerScope, Purge
from chalicelib.domain.purges import LONGEST_SECONDS, MOST, added, ended, forbids

NOW = 1_780_000_000
names = st.sampled_from("ab")
parts = st.none() | names
purges = st.builds(Purge, st.just("acme"), parts, parts, parts, st.integers(NOW - 500, NOW))
answers = st.tuples(
    st.builds(AnswerScope, st.just("acme"), names, names, names, st.just("")), st.integers(NOW - 600, NOW + 100)
)


def told(each):
    known = ()
    for purge in each:
        known = added(known, purge, NOW)
    return known


@given(st.lists(purges, max_size=90), st.lists(answers, max_size=20))
def test_nothing_that_was_purged_is_forgotten(each, asked):
    known = told(each)

    assert len(known) <= MOST
    for scope, created_at in asked:
        assert forbids(known, scope, created_at) or not forbids(each, scope, created_at)


@given(st.lists(purges, max_size=MOST), st.lists(answers, max_size=20))
def test_nothing_else_is_forbidden_while_they_are_few(each, asked):
    known = told(each)

    assert [forbids(known, *answer) for answer in asked] == [forbids(each, *answer) for answer in asked]


def test_a_purge_ends_with_its_own_second():
    scope = AnswerScope("acme", "a", "m", "p", "")

    everything, old = ended(Purge("acme"), NOW + 0.5), ended(Purge("acme", before=NOW - 60), NOW)

    assert forbids([everything], scope, NOW)
    assert not forbids([everything], scope, NOW + 1)
    assert forbids([old], scope, NOW - 61)
    assert not forbids([old], scope, NOW - 60)
    assert ended(Purge("acme", before=NOW + 999), NOW).before == NOW + 1


def test_another_tenants_purge_forbids_nothing():
    assert not forbids([Purge("evil", before=NOW)], AnswerScope("acme", "a", "m", "p", ""), NOW - 60)


def test_what_no_answer_is_old_enough_for_is_not_told():
    old = Purge("acme", user="a", before=NOW - LONGEST_SECONDS)

    assert told([old, Purge("acme", user="b", before=NOW)]) == (Purge("acme", user="b", before=NOW),)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(old), type=Purge) == old


def test_the_oldest_of_too_many_are_told_as_one_that_purges_more():
    each = [Purge("acme", user=f"u{number}", before=NOW - number) for number in range(MOST + 10)]

    known = told(each)

    assert len(known) == MOST
    assert set(each[: MOST - 1]) < set(known)
    assert known[0] == Purge("acme", before=each[MOST - 1].before)
    assert all(forbids(known, AnswerScope("acme", purge.user, "m", "p", ""), purge.before - 1) for purge in each)
