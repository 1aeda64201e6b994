"""A Region fails in the middle of traffic, its home is moved and comes back: what holds, in seeded virtual time.

`REGION_SEEDS` is how many; each fault is every fourth seed, each plan every fourth of these.
"""

import os

import msgspec
import pytest

from chalicelib.domain import regions
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.pipeline import homes
from chalicelib.pipeline.homes import Homes
from chalicelib.pipeline.tenure import Tenure
from tests.regions.rehearsal import FAULTS, Overspent, Rehearsal
from tests.regions.world import EAST, WEST

SEEDS = int(os.environ.get("REGION_SEEDS", "16"))
CAUGHT_WITHIN = 40


@pytest.fixture(scope="module")
def runs():
    """Every seed; a limit that is passed, by what was charged or by what was burned, ends it with `Overspent`."""
    return [Rehearsal(seed).run() for seed in range(SEEDS)]


def missing(run, region):
    return {said.turn_id for said in run.said if not run.has(region, said)}


def test_no_limit_is_exceeded_over_both_regions(runs):
    assert len(runs) == SEEDS
    assert all(min(run.world.seen[f"admitted {name}"] for name in (EAST, WEST)) for run in runs)


def test_callers_of_the_other_region_are_served_all_the_time(runs):
    served = [run for run in runs if any(said.tenant == "west" for said in run.said)]

    assert served == runs


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "lost"])
def test_what_was_acknowledged_is_in_both_regions_once_the_one_is_back(runs, fault):
    whole = [run for run in runs if run.fault == fault]

    assert all(missing(run, region) == set() for run in whole for region in (EAST, WEST))


def test_of_a_region_that_is_lost_only_what_had_not_arrived_is_lost(runs):
    lost = [run for run in runs if run.fault == "lost"]

    assert all(missing(run, WEST) <= run.unseen for run in lost)


def test_a_region_that_is_cut_off_holds_back_what_it_acknowledged_until_it_is_heard_again(runs):
    unseen = [run.unseen for run in runs if run.fault == "cut off"]

    assert any(unseen)


def test_a_planned_move_hides_nothing(runs):
    planned = [run.unseen for run in runs if run.fault == "planned"]

    assert all(each == set() for each in planned)


def test_a_turn_is_stored_once(runs):
    for run in runs:
        for tenant in ("acme", "west"):
            items = run.conversation(WEST, tenant).values()
            ids = [item["turn_id"]["S"] for item in items if item["sk"]["S"].startswith("turn#")]

            assert len(ids) == len(set(ids))


def test_the_tenants_are_served_again_in_the_new_home_and_in_the_old_one_after_it(runs):
    moved = {run.fault for run in runs if any(said.tenant == "acme" and said.region == WEST for said in run.said)}
    back = {run.fault for run in runs if run.came_back}

    assert moved == set(FAULTS)
    assert back == set(FAULTS) - {"lost"}


def nothing_held_back(patch):
    patch.setattr(homes, "held_back", lambda *_: {})


def no_wait(patch):
    patch.setattr(regions, "HANDOVER_SECONDS", 1)
    patch.setattr(regions, "CLOCK_SECONDS", 0)


def stubborn(patch):
    """A Region that cannot ask where homes are goes by what it heard last."""
    renew = Tenure.renew

    def renewed(self):
        try:
            return renew(self)
        except StoreUnavailable:
            now, known = int(self.clock()), self.registers.read(self.here)
            self.registers.write(msgspec.structs.replace(known, renewed_at=now, until=now + regions.TENURE_SECONDS))
            return 0

    patch.setattr(Tenure, "renew", renewed)


def nothing_counted(patch):
    patch.setattr(Homes, "admit", lambda self, claim: claim)


@pytest.mark.parametrize("mutant", [nothing_held_back, no_wait, stubborn, nothing_counted])
def test_a_move_without_one_of_its_rules_exceeds_a_limit(mutant, monkeypatch):
    mutant(monkeypatch)

    with pytest.raises(Overspent):
        all(Rehearsal(seed).run() for seed in range(CAUGHT_WITHIN))
