"""A user is erased while their questions are in a real OpenSearch: they are gone for good, and nobody else's are."""

import pytest

from chalicelib.adapters.dynamodb.belongings import DynamoBelongings
from chalicelib.domain.erasure import LONGEST_CALL_SECONDS, owner_of
from chalicelib.domain.identity import tenant_tag, user_tag
from chalicelib.pipeline.erasure import Eraser
from tests.builders import BY
from tests.contract.conftest import credentials, on_moto
from tests.contract.meanings import NOW, SECONDS, entry, scope, sought

__all__ = ["credentials", "on_moto"]

MANY = 600  # more than one request deletes


def whose(tenant, user, **changes):
    return scope(tenant=tenant_tag(tenant), user=user if user == "*" else user_tag(tenant, user), **changes)


ADAS = (whose("acme", "ada"), whose("acme", "ada", model="other"), whose("acme", "ada", embedder="wide/8"))
OTHERS = {"bob": whose("acme", "bob"), "namesake": whose("other", "ada"), "shared": whose("acme", "*")}


def stop(_owner, _job):
    """There are no jobs."""


@pytest.fixture
def now():
    """The eraser's time, as a test sets it."""
    return [NOW]


@pytest.fixture
def eraser(on_moto, indexes, now):
    return Eraser(
        erasures=on_moto.erasures,
        belongings=DynamoBelongings(on_moto.database),
        keys=on_moto.keys,
        decisions=on_moto.decisions,
        index=indexes.again,
        expel=lambda _key: 0,
        clock=lambda: now[0],
    )


def found(indexes, of):
    indexes.settle()
    return [each.id for each in indexes.again().search(sought(of=of, now=NOW), SECONDS)]


def test_an_erased_users_questions_are_gone_and_nobody_elses(indexes, eraser, now):
    indexes.index.add([entry(f"ada-{n}", of=ADAS[0]) for n in range(MANY)], NOW)
    indexes.index.add([entry("ada-other", of=ADAS[1])], NOW)
    indexes.index.add([entry("ada-wide", of=ADAS[2])], NOW)
    indexes.index.add([entry(name, of=of) for name, of in OTHERS.items()], NOW)
    assert all(found(indexes, of) for of in (*ADAS, *OTHERS.values()))

    begun = eraser.begin("acme", "ada", stop, BY)

    assert begun.counts["questions"] == MANY + 2
    assert [found(indexes, of) for of in ADAS] == [[], [], []]
    indexes.index.add([entry("late", of=ADAS[0])], NOW)
    assert found(indexes, ADAS[0]) == ["late"]
    eraser.go_on(owner_of("acme", "ada"), stop)
    assert found(indexes, ADAS[0]) == []
    eraser.go_on(owner_of("acme", "ada"), stop)
    now[0] += LONGEST_CALL_SECONDS
    assert eraser.go_on(owner_of("acme", "ada"), stop).status == "done"
    assert {name: found(indexes, of) for name, of in OTHERS.items()} == {name: [name] for name in OTHERS}
    assert indexes.index.health().entries == len(OTHERS)
