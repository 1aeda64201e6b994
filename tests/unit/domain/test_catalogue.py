"""The models on offer, and what they cost."""

import tomllib
from importlib import resources

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.budget import Charge
from chalicelib.domain.catalogue import Catalogue, Prices, charge, cost, most
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import UnknownModel
from tests.builders import a_catalogue, a_model

CATALOGUE = a_catalogue(a_model("small", aliases=("little", "s")), a_model("large"))
counts = st.integers(0, 10**9)
prices = st.builds(Prices, counts, counts, st.none() | counts, st.none() | counts)


@pytest.mark.parametrize("name", ["small", "little", "s"])
def test_a_model_is_found_by_its_id_and_its_aliases(name):
    assert CATALOGUE.find(name).id == "small"


@pytest.mark.parametrize("name", ["", "Small", "smal", "gpt"])
def test_an_unknown_model_is_named(name):
    with pytest.raises(UnknownModel) as caught:
        CATALOGUE.find(name)

    assert f"`{name}`" in caught.value.message
    assert caught.value.param == "model"


@pytest.mark.parametrize("name", ["large", "gpt"])
def test_a_model_outside_the_plan_is_the_same_as_an_unknown_one(name):
    with pytest.raises(UnknownModel) as caught:
        CATALOGUE.find(name, ("small",))

    assert caught.value.message == UnknownModel(name).message


def test_a_plan_that_names_models_allows_them_by_alias_too():
    assert CATALOGUE.find("little", ("small",)).id == "small"


@pytest.mark.parametrize(("allowed", "ids"), [(None, ["small", "large"]), (("large",), ["large"]), ((), [])])
def test_a_plan_allows_all_models_or_those_it_names(allowed, ids):
    assert [model.id for model in CATALOGUE.allowed(allowed)] == ids


@pytest.mark.parametrize(
    ("prices", "usage", "micros"),
    [
        (Prices(1_000_000, 5_000_000), Usage(1, 0), 1),
        (Prices(1_000_000, 5_000_000), Usage(10, 10), 60),
        (Prices(60_000, 240_000), Usage(1, 0), 1),  # 0.06, rounded up
        (Prices(60_000, 240_000), Usage(100, 100), 30),
        (Prices(60_000, 240_000), Usage(101, 100), 31),
        (Prices(1_000_000, 0, 100_000), Usage(100, 0, cached_input_tokens=40), 64),
        (Prices(1_000_000, 0), Usage(100, 0, cached_input_tokens=40), 100),
        (Prices(1_000_000, 0, 0), Usage(100, 0, cached_input_tokens=100), 0),
        (Prices(1_000_000, 0, 100_000, 1_250_000), Usage(100, 0, 40, cache_write_input_tokens=20), 69),
        (Prices(1_000_000, 0), Usage(100, 0, cache_write_input_tokens=20), 100),
        (Prices(), Usage(10**9, 10**9), 0),
    ],
)
def test_a_cost_is_in_micro_dollars_and_rounded_up(prices, usage, micros):
    assert cost(prices, usage) == micros


@given(prices, counts, counts, st.data())
def test_a_cost_is_never_below_the_exact_one_and_less_than_one_above(prices, input_tokens, output_tokens, data):
    cached = data.draw(st.integers(0, input_tokens))
    written = data.draw(st.integers(0, input_tokens - cached))
    usage = Usage(input_tokens, output_tokens, cached, cache_write_input_tokens=written)
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    write_price = prices.input if prices.cache_write is None else prices.cache_write

    exact = (input_tokens - cached - written) * prices.input + cached * cached_price + written * write_price
    exact += output_tokens * prices.output

    assert 0 <= cost(prices, usage) * 10**6 - exact < 10**6
    assert cost(prices, usage) <= most(prices, input_tokens, output_tokens).usd_micros


@given(prices, counts, counts, counts)
def test_more_tokens_never_cost_less(prices, input_tokens, output_tokens, more):
    less = cost(prices, Usage(input_tokens, output_tokens))

    assert cost(prices, Usage(input_tokens + more, output_tokens)) >= less
    assert cost(prices, Usage(input_tokens, output_tokens + more)) >= less


def test_a_charge_is_one_request_and_all_tokens():
    assert charge(Prices(1_000_000, 2_000_000), Usage(10, 5)) == Charge(1, 15, 20)


def test_the_shipped_catalogue_is_whole():
    text = resources.files("chalicelib").joinpath("catalogue.toml").read_text()

    models = msgspec.convert(tomllib.loads(text), Catalogue).models

    names = [name for model in models for name in (model.id, *model.aliases)]
    assert len(set(names)) == len(names)
    assert all(bool(model.max_output_tokens) != bool(model.dimensions) for model in models)
    assert all(model.max_output_tokens < model.context_tokens for model in models)
    assert all(model.targets and model.created for model in models)
