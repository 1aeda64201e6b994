"""Eight processes on one tenant: the model never burns more than the budget, and a killed process loses no charge.

`RACE_RUNS` says how many races there are, `RACE_KILLS` how many deaths at each point,
`RACE_CALLS` how many turns each process makes; `make race` sets them to 50, 50 and 200.
"""

import os
import signal
from functools import partial

import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.ledger import subjects_of
from tests.builders import a_credential
from tests.contract.samples import LEASE_SECONDS, NOW
from tests.race.conftest import WORKERS
from tests.race.worker import POINTS

RUNS = int(os.environ.get("RACE_RUNS", "3"))
KILLS = int(os.environ.get("RACE_KILLS", "2"))
CALLS = int(os.environ.get("RACE_CALLS", "40"))
MEAN_TOKENS = 265  # what a call burns on average: some 190 of input, and half of a cap of 158
SUBJECTS = subjects_of(a_credential())
TENANT = SUBJECTS[2]


def job_of(stores, record, endpoint, **fields):
    return {
        "endpoint": endpoint,
        "stage": stores.database.tables.ledger.split("-", 1)[1][:-7],
        "record": str(record),
    } | fields


def burned(record):
    return sum(int(line) for line in record.read_text().split()) if record.exists() else 0


def race(crew, stores, record, endpoint, seed):
    job = partial(job_of, stores, record, endpoint, calls=CALLS, seed=seed)
    outcomes = crew.do([job(worker=worker) for worker in range(WORKERS)])
    return {name: sum(each[name] for each in outcomes) for name in outcomes[0]}


@pytest.mark.parametrize("form", [{}, {"shards": 4}], ids=["exact", "hot"])
def test_a_budget_is_filled_and_never_passed(crew, make_stores, endpoint, tmp_path, form, capsys):
    budget = WORKERS * CALLS * MEAN_TOKENS // 4
    for run in range(RUNS if not form else max(1, RUNS // 3)):
        stores = make_stores(Limit("tenant", "day", tokens=budget), **form)
        record = tmp_path / f"burned-{run}"

        outcomes = race(crew, stores, record, endpoint, seed=run)

        spent = burned(record)
        with capsys.disabled():
            print(f"\n{endpoint} run {run} {form}: {spent} of {budget} burned, {outcomes}")  # noqa: T201
        left = stores.turns.expire(NOW + LEASE_SECONDS + 1, 10_000)  # of a store that was too busy to settle
        use = stores.keys.uses(SUBJECTS, NOW)[TENANT]["day"]
        assert left <= outcomes["busy"] + outcomes["unsettled"] <= outcomes["admitted"] // 20
        assert 0.95 * budget <= spent <= budget
        assert use.held == Charge()
        assert use.used.tokens >= spent if left else use.used.tokens == spent


def test_a_process_that_is_killed_anywhere_loses_no_charge_and_leaks_nothing(crew, make_stores, endpoint, tmp_path):
    stores = make_stores(Limit("tenant", "day", tokens=10**9), concurrent=1)
    record = tmp_path / "burned"
    deaths = [point for _ in range(KILLS) for point in POINTS]
    swept = 0

    for start in range(0, len(deaths), WORKERS):
        jobs = [
            job_of(stores, record, endpoint, calls=2, seed=start + worker, worker=worker, point=point)
            for worker, point in enumerate(deaths[start : start + WORKERS])
        ]
        assert {each["signal"] for each in crew.do(jobs)} == {signal.SIGKILL}
        assert _charged(stores) >= burned(record)
        swept += stores.turns.expire(NOW + LEASE_SECONDS + 1, 10_000)  # else the next turns would find no place

    assert swept == KILLS * 4  # after reserve, before and after the model, before settle
    assert stores.turns.expire(NOW + LEASE_SECONDS + 1, 10) == 0
    assert _charged(stores) >= burned(record)
    assert {use["day"].held for use in stores.keys.uses(SUBJECTS, NOW).values()} == {Charge()}


def _charged(stores):
    return stores.keys.uses(SUBJECTS, NOW)[TENANT]["day"].used.tokens
