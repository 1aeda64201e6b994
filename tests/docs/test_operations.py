"""Whoever is called finds what to do."""

import re

import pytest

from infra.stages import STAGES
from infra.watch.alarm import RUNBOOK
from infra.watch.alarms import alarms, resources
from infra.watch.template import watch
from tests.docs.pages import ROOT

PAGE = (ROOT / RUNBOOK).read_text()
ALARMS = {each.name: each for stage in STAGES.values() for each in alarms(stage)}
SECTIONS = {part.split("\n", 1)[0]: part for part in PAGE.partition("\n## Whom it calls\n")[2].split("\n### ")[1:]}
ROWS = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \| ([a-z, ]+) \|", PAGE, re.MULTILINE)


def test_the_table_lists_every_alarm_and_the_stages_that_have_it():
    having = {name: [stage for stage in STAGES if name in resources(STAGES[stage])] for name in ALARMS}

    assert {name: stages for name, _, stages in ROWS} == {
        name: "all" if len(found) == len(STAGES) else ", ".join(found) for name, found in having.items()
    }
    assert all(anchor == name.lower() for name, anchor, _ in ROWS)


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_has_a_section_that_says_what_it_means_how_to_see_and_what_to_do(name):
    section = SECTIONS[name]

    assert [section.count(word) for word in ("**Means** ", "\n**See** ", "\n**Do** ")] == [1, 1, 1]


def test_every_section_is_of_an_alarm_or_of_the_budget():
    assert SECTIONS.keys() == {*ALARMS, "The budget"}


@pytest.mark.parametrize("stage", STAGES)
def test_an_alarm_names_its_section(stage):
    found = watch(STAGES[stage])["Resources"]

    for name in resources(STAGES[stage]):
        assert found[name]["Properties"]["AlarmDescription"].endswith(f" {RUNBOOK}#{name.lower()}")
