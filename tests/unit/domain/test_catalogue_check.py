"""What a catalogue may not say."""

import pytest

from chalicelib.adapters.catalogues.toml import parsed, shipped
from chalicelib.domain.catalogue import Catalogue, Prices, Target
from chalicelib.domain.catalogue_check import faults
from chalicelib.domain.errors import Misconfigured
from tests.builders import a_model

PRICED = "bedrock://us-west-2/us.anthropic.claude-haiku-4-5-20251001-v1:0"


def faults_of(*models):
    return faults(Catalogue(models))


def test_the_packages_own_has_none():
    assert faults(shipped()) == []


@pytest.mark.parametrize("uri", ["simulated://echo", PRICED, "openai+https://h/v1", "sagemaker://e/c"])
def test_every_scheme_that_chats_may_chat(uri):
    assert faults_of(a_model("m", uri)) == []


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ([], "there is no model"),
        ([a_model("m", aliases=("m",))], "'m' names 2 models"),
        ([a_model("a", aliases=("b",)), a_model("b", aliases=("a",))], "'b' names 2 models"),
        ([a_model("a", aliases=("x",)), a_model("b", aliases=("x",))], "'x' names 2 models"),
        ([a_model("")], "a name is empty"),
        ([a_model("m", "ftp://host")], "unknown scheme"),
        ([a_model("m", "wordllama://")], "unknown scheme"),
        ([a_model("m", "nonsense")], "unknown scheme"),
        ([a_model("m", PRICED, prices=Prices())], "lacks prices"),
        ([a_model("m", PRICED, prices=Prices(input=5))], "lacks prices"),
        ([a_model("m", PRICED, prices=Prices(output=5))], "lacks prices"),
        ([a_model("m", targets=())], "no target"),
        ([a_model("m", PRICED, PRICED)], "is there twice"),
        ([a_model("m", max_output_tokens=0)], "either max_output_tokens"),
        ([a_model("m", dimensions=256)], "either max_output_tokens"),
        ([a_model("m", max_output_tokens=9_000)], "more than context_tokens"),
        ([a_model("m", hedge_after_ms=10)], "second target"),
        ([a_model("m", targets=(Target("simulated://echo", context_tokens=9_000),))], "more context_tokens"),
    ],
)
def test_a_fault_is_named(models, words):
    assert words in "\n".join(faults_of(*models))


def test_a_fault_shows_no_parameter_of_a_target():
    told = "\n".join(faults_of(a_model("m", "ftp://me:secret@host?key=secret")))

    assert "ftp://host" in told
    assert "secret" not in told


@pytest.mark.parametrize(
    "text",
    [
        "models = 3",
        "[[models]]",
        '[[models]]\nid = "m"\ntargets = []\ncolour = "red"',
        '[[models]]\nid = "m"\ntargets = [{ uri = "simulated://echo", weight = 0 }]',
        '[[models]]\nid = "m"\ntargets = []\nprices = { input = -1 }',
        '[[models]]\nid = "m"\ntargets = [{ uri = "simulated://echo", quota = { tokens_per_minute = 0 } }]',
        "not toml",
    ],
)
def test_what_is_no_catalogue_is_refused_with_its_place(text):
    with pytest.raises(Misconfigured, match="piece 2 of the catalogue"):
        parsed(["models = []", text])


def test_pieces_are_one_catalogue():
    piece = '[[models]]\nid = "{}"\nmax_output_tokens = 9\ntargets = [{{ uri = "simulated://echo" }}]'

    assert [model.id for model in parsed([piece.format("a"), piece.format("b")]).models] == ["a", "b"]


def test_a_model_is_found_by_each_of_its_names():
    little = a_model("m", aliases=("n",))

    assert [Catalogue((little,)).named(name) for name in ("m", "n", "o")] == [little, little, None]
