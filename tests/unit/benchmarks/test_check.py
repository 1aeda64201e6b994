import json

import pytest

from benchmarks.check import BASELINE, EXACT, SLACK, faults

BASE = {
    "hit": {"calls": {"get_item": 1.0}, "read_units": 6.0, "write_units": 8.0, "bytes_sent": 1_000.0, "functions": 100},
    "cold start": {"modules": 600},
    "python": {"version": "3.11"},
}


def counted(kind="hit", python="3.11", **changes):
    return {**BASE, kind: BASE[kind] | changes, "python": {"version": python}}


def test_what_is_as_it_was_is_no_fault():
    assert list(faults(BASE, counted())) == []


@pytest.mark.parametrize("calls", [{"get_item": 1.0, "query": 1.0}, {"get_item": 0.9}])
def test_round_trips_are_exactly_those_of_the_baseline(calls):
    assert len(list(faults(BASE, counted(calls=calls)))) == 1


@pytest.mark.parametrize(
    ("kind", "name"), [("hit", "bytes_sent"), ("hit", "read_units"), ("hit", "functions"), ("cold start", "modules")]
)
def test_what_varies_a_little_may_not_grow_beyond_its_slack(kind, name):
    was = BASE[kind][name]

    assert list(faults(BASE, counted(kind, **{name: was * (1 + SLACK[name])}))) == []
    assert list(faults(BASE, counted(kind, **{name: was * 0.5}))) == []
    assert len(list(faults(BASE, counted(kind, **{name: was * (1.01 + SLACK[name])})))) == 1


def test_functions_count_for_one_version_of_python_alone():
    assert list(faults(BASE, counted(python="3.13", functions=1_000))) == []


def test_a_kind_or_a_count_that_the_baseline_lacks_is_a_fault():
    assert len(list(faults(BASE, {**BASE, "miss": {}}))) == 1
    assert len(list(faults(BASE, counted(bytes_received=1.0)))) == 1


def test_what_is_not_counted_any_more_is_a_fault():
    assert len(list(faults(BASE, {**BASE, "hit": {"calls": BASE["hit"]["calls"]}}))) == len(BASE["hit"]) - 1


def test_the_committed_baseline_has_every_kind():
    base = json.loads(BASELINE.read_text())

    assert {"hit", "miss", "stream", "first", "deep", "cold start", "python"} == base.keys()
    assert all(set(EXACT) < base[kind].keys() for kind in ("hit", "miss", "stream", "first", "deep"))
