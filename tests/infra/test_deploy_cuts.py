"""A deployment that is cut, at any call, before or after it had its effect, is completed by running it again.

`make cuts` cuts before and after every call, also of a second one and of taking it away; `make test` takes a few.
"""

import json
import os

import pytest

from infra.deploy.faults import CannotDeploy
from tests.infra.deploy_state import state_of
from tests.infra.deploy_world import READS, Cut, World

FEW = 4
WHICH = os.environ.get("CUTS", "few")  # or changing: each call that changes something; or all


@pytest.fixture(scope="module")
def worlds(emulator, tmp_path_factory):
    """Make worlds, each with an account of its own."""
    folder, numbers = tmp_path_factory.mktemp("worlds"), iter(range(200_000_000_000, 10**12))
    return lambda: World(emulator, str(next(numbers)), folder / "project")


def chosen(calls):
    """Which calls are cut: each, or some of those that change something, spread over all of them."""
    numbers = range(1, len(calls) + 1)
    changing = [number for number in numbers if not calls[number - 1].partition(".")[2].startswith(READS)]
    few = changing[:: max(1, len(changing) // FEW)]
    return {"few": few, "changing": changing, "all": numbers}[WHICH]


def cut(world, number, act, *, after):
    """Do it until the call of that number."""
    world.calls.made.clear()
    world.calls.cut_at, world.calls.after = number, after
    with pytest.raises((CannotDeploy, Cut)):
        act()


def assert_alike(world, wanted, where):
    """Where nothing was left for Chalice to do, a fresh clone has no file of Chalice's: it is made when needed."""
    found, like = json.loads(state_of(world)), json.loads(wanted)
    if not found["written"]:
        like["written"] = []
    assert found == like, where


def sides(index):
    return (bool(index % 2),) if WHICH == "few" else (False, True)


def test_a_deployment_that_is_cut_is_completed_by_another(worlds):
    whole = worlds()
    whole.deploy()
    calls, wanted = list(whole.calls.made), state_of(whole)

    for index, number in enumerate(chosen(calls)):
        for after in sides(index):
            world = worlds()
            cut(world, number, world.deploy, after=after)

            world.until_done(world.deploy)

            assert state_of(world) == wanted, (number, calls[number - 1], after)
            assert world.changes() == [], (number, calls[number - 1], after)
            assert len(world.shown) <= 2


def test_a_redeployment_that_is_cut_is_completed_by_another(worlds):
    whole = worlds()
    whole.deploy()
    whole.edit("second = True\n")
    whole.calls.made.clear()
    whole.deploy()
    calls, wanted = list(whole.calls.made), state_of(whole)

    for index, number in enumerate(chosen(calls)):
        for after in sides(index):
            world = worlds()
            world.deploy()
            world.edit("second = True\n")
            cut(world, number, world.deploy, after=after)
            world.checkout()
            world.edit("second = True\n")

            world.until_done(world.deploy)

            assert_alike(world, wanted, (number, calls[number - 1], after))
            assert world.changes() == [], (number, calls[number - 1], after)


def test_taking_away_that_is_cut_is_completed_by_another(worlds):
    whole = worlds()
    whole.deploy()
    whole.calls.made.clear()
    whole.destroy(data=True)
    calls, nothing = list(whole.calls.made), state_of(whole)

    for index, number in enumerate(chosen(calls)):
        for after in sides(index):
            world = worlds()
            world.deploy()
            cut(world, number, lambda world=world: world.destroy(data=True), after=after)

            world.until_done(lambda world=world: world.destroy(data=True))

            assert state_of(world) == nothing, (number, calls[number - 1], after)
