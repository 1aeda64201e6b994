"""Embeddings: reserved, burned, settled."""

import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.errors import (
    BadRequest,
    LimitExceeded,
    ModelRejected,
    ModelTimeout,
    ModelUnavailable,
    UnknownModel,
)
from chalicelib.pipeline.embed import EmbedAsk, embed
from tests.builders import NOW
from tests.unit.pipeline.stage import Scripted, Stage


def embedded(stage, *texts, **fields):
    ask = {"model": "vector", "turn_id": "t", "now": NOW, **fields}
    return embed(EmbedAsk(stage.credential, texts=texts or ("tide",), **ask), stage.services)


def a_stage(*limits, **models):
    return Stage(*limits, models=models or {"a": Scripted(7)})


def test_what_was_counted_is_charged():
    stage = a_stage()

    found = embedded(stage, "tide", "moon")

    assert len(found.embedded.vectors) == 2
    assert (found.target, found.model) == ("script://a", "vector")
    assert stage.used() == Charge(1, 7, 7)
    assert stage.leases() == ["settled"]


def test_what_is_left_is_told():
    stage = a_stage(Limit("user", "day", tokens=1_000))

    assert embedded(stage).standing.tokens.remaining == 993


def test_the_wish_for_dimensions_reaches_the_model():
    stage = a_stage()

    embedded(stage, dimensions=64)

    assert stage.model.requests == [(("tide",), 64)]


def test_the_next_target_embeds_where_one_fails():
    assert embedded(a_stage(a=Scripted(ModelTimeout("No.")), b=Scripted(7))).target == "script://b"


@pytest.mark.parametrize(
    ("fault", "raised", "requests"),
    [(ModelUnavailable, ModelUnavailable, 0), (ModelRejected, BadRequest, 0), (ModelTimeout, ModelTimeout, 1)],
)
def test_a_fault_releases_or_keeps_what_was_reserved(fault, raised, requests):
    stage = a_stage(a=Scripted(fault("No.")))

    with pytest.raises(raised):
        embedded(stage)

    assert stage.used().requests == requests
    assert stage.leases() == ["settled" if requests else "released"]


@pytest.mark.parametrize(("model", "fault"), [("gpt", UnknownModel), ("small", BadRequest)])
def test_a_model_that_does_not_embed_charges_nothing(model, fault):
    stage = a_stage()

    with pytest.raises(fault):
        embedded(stage, model=model)

    assert (stage.used(), stage.leases()) == (Charge(), [])


def test_texts_that_could_be_too_many_tokens_are_refused_before_the_model():
    stage = a_stage(Limit("user", "day", tokens=10))

    with pytest.raises(LimitExceeded):
        embedded(stage, "x" * 11)

    assert stage.model.requests == []


def test_an_embedding_is_reported():
    stage = a_stage()

    embedded(stage)

    (report,) = stage.meter.reports
    assert (report.model, report.input_tokens, report.output_tokens, report.usd_micros) == ("vector", 7, 0, 7)


@pytest.mark.parametrize(("stated", "charged"), [(0, 19), (7, 7), (10_000, 19)])
def test_what_is_charged_is_what_the_target_states_within_the_bound(stated, charged):
    stage = a_stage(a=Scripted(stated))

    found = embedded(stage, "abc")

    assert (found.embedded.input_tokens, stage.used().tokens) == (charged, charged)
