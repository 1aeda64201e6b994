"""Nobody is served what somebody else was answered: fifty tenants, alike or hostile, each guard off, each alone.

Three guards keep answers apart, and any one of them does: the scope is in the exact key, which is made anew for each
neighbour; it is what the index is asked for (a partition, or the filter of the k-NN clause); it is compared once more
on what comes back. A guard that is off is really off: the key
is that of the question alone, the index gives everybody's entries, nobody compares. The judge is persuaded by
everything, so that only the scope is left to refuse. Every answer names its owner, which is what is looked at.

The exact tier has no filter, and what is kept there under a key without its scope is the last one's. So the filter is
alone where keys are good for the exact tier, and are not compared with those of neighbours.

`LOOKUPS` is how many look-ups there are in all; 1,000,000 take some ten minutes.
"""

import itertools
import os
from collections import Counter

import pytest

from tests.security.indexes import INDEXES
from tests.security.tenants import GUARDS, SWITCHES, Town, questions

LOOKUPS = int(os.environ.get("LOOKUPS", "14000"))
ALONE = {"key": ("filter", "check"), "check": ("key", "filter"), "filter": ("comparison", "check")}
OFF = ((), *((guard,) for guard in GUARDS), *ALONE.values())
ROUNDS = [(index, off) for index in INDEXES for off in OFF]


def town(index, off, patch):
    """Everybody's answers, kept behind the guards that are on."""
    for guard in off:
        SWITCHES[guard](patch)
    made = Town(*INDEXES[index](patch, off))
    made.settle()
    return made


def served(made, lookups, seed=1):
    """How often whose answer was served."""
    count = Counter()
    for tenant, *asked in itertools.islice(questions(seed), lookups):
        outcome, text = made.ask(made.opened(tenant, *asked))
        count[outcome, text.startswith(tenant.owner) if text else None] += 1
    return count


@pytest.mark.parametrize(("index", "off"), ROUNDS, ids=lambda each: each if isinstance(each, str) else "-".join(each))
def test_nobody_is_served_what_somebody_else_was_answered(index, off, monkeypatch):
    count = served(town(index, off, monkeypatch), LOOKUPS // len(ROUNDS))

    assert count["hit", False] + count["semantic", False] == 0
    assert count["hit", True] + count["semantic", True] > 0


@pytest.mark.parametrize("index", INDEXES)
def test_with_every_guard_off_everybody_would_be(index, monkeypatch):
    count = served(town(index, tuple(GUARDS), monkeypatch), 400)

    assert count["hit", False] > 20
    assert count["semantic", False] > 20


@pytest.mark.parametrize("index", INDEXES)
def test_without_the_filter_that_was_alone_everybody_would_be(index, monkeypatch):
    count = served(town(index, ("filter", *ALONE["filter"]), monkeypatch), 400)

    assert count["hit", False] == 0
    assert count["semantic", False] > 20
