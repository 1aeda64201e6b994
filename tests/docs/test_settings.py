"""docs/settings.md names every setting, with its default, and nothing else."""

import re
from dataclasses import fields

import pytest

from chalicelib.settings import PREFIX, Settings, read
from infra.local.environment import Options
from tests.docs.pages import page, pages, quoted, rows

PAGE = page("docs/settings.md")
DOCUMENTED = {quoted(name)[0]: default for name, default, *_ in rows(PAGE.text) if PREFIX in name}
RUN = [name for cell, *_ in rows(PAGE.section("## `make run`")) for name in quoted(cell)]


def test_every_setting_is_documented_and_nothing_else_is():
    settings = {PREFIX + each.name.upper() for each in fields(Settings)}

    assert set(DOCUMENTED) == settings
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE.text)) == settings


@pytest.mark.parametrize("setting", fields(Settings), ids=lambda each: each.name)
def test_the_documented_default_is_the_default(setting):
    cell = DOCUMENTED[PREFIX + setting.name.upper()]

    shown = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    assert cell == (f"`{shown}`" if shown else "")


def test_a_documented_default_may_be_written_out():
    given = {name: quoted(cell)[0] for name, cell in DOCUMENTED.items() if cell}

    assert read(given) == Settings()


def test_every_variable_of_make_run_reaches_the_product():
    given = {"PORT": "8080", "UPSTREAM": "u", "UPSTREAM_KEY": "k", "UPSTREAM_MODEL": "m", "CATALOGUE": "c.toml"}
    given |= {"SEMANTIC": "serve", "OPENSEARCH_URL": "http://127.0.0.1:9200"}

    options = Options.read(given)

    assert sorted(RUN) == sorted(given)
    assert options.port == 8080
    told = {name.removesuffix("_URL"): value for name, value in given.items() if name != "PORT"}
    assert options.settings == {PREFIX + name: value for name, value in told.items()}


@pytest.mark.parametrize("source", pages(), ids=lambda each: each.name)
def test_a_setting_that_is_named_elsewhere_exists(source):
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", source.text)) <= set(DOCUMENTED)
