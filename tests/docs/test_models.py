"""docs/models.md names every key of the catalogue and every parameter of a target, with its default."""

import tomllib

import msgspec
import pytest

from chalicelib.adapters.models import bedrock_runtime, openai_upstream, sagemaker_runtime
from chalicelib.adapters.models.simulated_script import Script
from chalicelib.domain.catalogue import Catalogue, Model, Prices, Target
from tests.docs.pages import page, quoted, rows

PAGE = page("docs/models.md")
CATALOGUE = PAGE.section("## The catalogue")
TARGETS = {
    "### simulated": Script,
    "### openai+http, openai+https": openai_upstream.Parameters,
    "### bedrock": bedrock_runtime.Parameters,
    "### sagemaker": sagemaker_runtime.Parameters,
}
PARAMETERS = [(heading, each) for heading, kind in TARGETS.items() for each in msgspec.structs.fields(kind)]


def shown(default):
    match default:
        case None:
            return "none"
        case bool():
            return str(default).lower()
        case int():
            return f"{default:,}"
        case _:
            return str(default)


def test_the_sample_is_a_catalogue():
    (sample,) = PAGE.blocks("toml")

    assert msgspec.convert(tomllib.loads(sample), Catalogue).models[0].targets[1].tier == 1


def test_every_key_of_a_model_has_a_row():
    assert {quoted(row[0])[0] for row in rows(CATALOGUE)} == set(Model.__struct_fields__)


@pytest.mark.parametrize("name", [*Target.__struct_fields__, *Prices.__struct_fields__])
def test_the_keys_inside_a_model_are_named(name):
    assert f"`{name}`" in CATALOGUE


@pytest.mark.parametrize("heading", TARGETS)
def test_a_target_has_a_row_for_each_parameter(heading):
    named = {quoted(row[0])[0] for row in rows(PAGE.section(heading))}

    assert named == set(TARGETS[heading].__struct_fields__)


@pytest.mark.parametrize(("heading", "field"), PARAMETERS, ids=lambda each: getattr(each, "name", each))
def test_the_documented_default_of_a_parameter_is_the_default(heading, field):
    cell = next(row[1] for row in rows(PAGE.section(heading)) if quoted(row[0])[0] == field.name)

    assert cell.strip("`") == shown(field.default)
