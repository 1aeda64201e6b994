"""A day of bursts in virtual time, through the product's own turn, line and worker."""

import pytest

from benchmarks.lane import eta_error, fairness
from benchmarks.lane_day import day

SEED = 7


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_nothing_is_lost_and_nothing_happens_twice_though_workers_die_and_messages_repeat(seed):
    row = day(seed, tenants=20, jobs=400, seconds=3_600)

    assert (row["jobs"], row["lost"], row["repeated"], row["open_reservations"]) == (400, 0, 0, 0)
    assert row["model_calls"] > 400  # some worker did die


def test_a_tenant_with_one_job_does_not_wait_for_one_with_hundreds():
    alone, _ = fairness(SEED, grouped=True, big=600, small=10)
    behind, _ = fairness(SEED, grouped=False, big=600, small=10)

    assert alone["small_max_s"] < behind["small_p50_s"] / 10


def test_an_eta_is_worth_telling():
    assert eta_error(SEED, jobs=400)["error_p90"] < 0.25
