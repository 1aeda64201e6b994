"""The estimate is a bound: whatever is asked, a target that burns all it may burns no more than was reserved."""

import dataclasses
import json
import os
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import app
from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.catalogue import Prices, charge
from chalicelib.domain.estimate import input_bound
from tests.builders import CONTEXT, NOW, WIDE, a_catalogue, a_model, an_event
from tests.functional.bodies import MOST_TOKENS, chats, embeddings
from tests.functional.burner import Burner
from tests.unit.pipeline.stage import Stage

EXAMPLES = int(os.environ.get("ESTIMATE_EXAMPLES", "300"))
TARGET = "script://a"
CACHED = Prices(300_000, 7, cached_input=30_000, cache_write=375_000)
ABLE = {"capabilities": frozenset(("tools", "json_schema", "images")), "context_tokens": 10**7}
MODELS = {
    each.id: each
    for each in (
        a_model("small", TARGET, max_output_tokens=MOST_TOKENS, **ABLE),
        a_model("eager", TARGET, max_output_tokens=MOST_TOKENS, default_output_tokens=MOST_TOKENS, **ABLE),
        a_model("cached", TARGET, max_output_tokens=MOST_TOKENS, prices=CACHED, **ABLE),
        a_model("vector", TARGET, max_output_tokens=0, dimensions=1, prices=Prices(999_999), **ABLE),
    )
}
thorough = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
served = {}


@pytest.fixture(scope="module", autouse=True)
def _app(module_patch):
    """The app over this module's stages, at a moment that is never the end of a window."""
    for room in ("app", "chalicelib.routes.conversations"):
        module_patch.setattr(f"{room}.services", lambda: served["services"])
    module_patch.setattr("chalicelib.edge.call.time", SimpleNamespace(time=lambda: NOW))


class Played:
    """One key's calls on a stage of their own."""

    def __init__(self):
        self.burner = Burner()
        self.stage = Stage(WIDE, models={"a": self.burner}, caching=False)
        gate = dataclasses.replace(self.stage.services.gate, catalogue=a_catalogue(*MODELS.values()))
        self.services = dataclasses.replace(self.stage.services, gate=gate)

    def post(self, name, **body):
        served["services"] = self.services
        event = an_event("post_chat", key=self.stage.credential.token, body=json.dumps(body))
        route = f"/v1/{name}"
        event |= {"resource": route, "path": route}
        event["requestContext"]["resourcePath"] = route
        if not body.get("stream"):
            response = app(event, CONTEXT)
            return response["statusCode"], response["body"]
        status, _, pieces = app.stream(event, CONTEXT)
        return status, b"".join([pieces] if isinstance(pieces, bytes) else pieces).decode()

    def talk(self, earlier):
        """A conversation with `earlier` chats in it."""
        status, made = self.post("conversations")
        assert status == 200, made
        conversation = json.loads(made)["id"]
        for body in earlier:
            assert self.post("chat/completions", **body, conversation=conversation)[0] == 200
        return conversation

    def reserved(self):
        """What each call reserved, in order."""
        return [claim.charge for _, claim in self.stage.shelf.leases.values()]

    def allow(self, *limits):
        plan = self.stage.keys.plans()["standard"]
        self.stage.keys.put_plan(type(plan)(name=plan.name, limits=limits))


def asked(played, name, body, earlier):
    """The last of the calls, ready to be made."""
    conversation = {"conversation": played.talk(earlier)} if earlier else {}
    return lambda: played.post(name, **body, **conversation)


def assert_bounded(name, body, earlier):
    """Every call burned within its reservation, and was charged what it burned."""
    played = Played()
    status, answer = asked(played, name, body, earlier)()
    assert status == 200, answer
    models = [MODELS[each["model"]] for each in (*earlier, body)]
    burned = [charge(model.prices, usage) for model, usage in zip(models, played.burner.burned, strict=True)]
    for most, true in zip(played.reserved(), burned, strict=True):
        assert most.tokens >= true.tokens
        assert most.usd_micros >= true.usd_micros
    total = Charge(len(burned), sum(each.tokens for each in burned), sum(each.usd_micros for each in burned))
    assert played.stage.used() == total
    return played.reserved()[-1], total - burned[-1]


def assert_admitted_up_to(name, body, earlier, limit, *, estimate, before):
    """The call fits a limit of what was used before and its estimate; it does not fit one that is one smaller."""
    for short in (0, 1):
        played = Played()
        call = asked(played, name, body, earlier)
        subject, window, meter = limit
        size = getattr(before, meter) + getattr(estimate, meter) - short
        played.allow(Limit(subject, window, **{meter: size}))
        calls = len(played.burner.burned)
        assert call()[0] == (429 if short else 200)
        assert len(played.burner.burned) == calls + 1 - short


limits = st.tuples(
    st.sampled_from(("key", "user", "tenant")),
    st.sampled_from(("minute", "day", "month")),
    st.sampled_from(("requests", "tokens", "usd_micros")),
)


@thorough
@given(chats, st.lists(chats, max_size=2), limits)
def test_no_chat_burns_more_than_it_reserved_and_each_is_admitted_by_what_it_reserves(body, earlier, limit):
    estimate, before = assert_bounded("chat/completions", body, earlier)

    assert_admitted_up_to("chat/completions", body, earlier, limit, estimate=estimate, before=before)


@thorough
@given(embeddings, limits)
def test_no_embedding_burns_more_than_it_reserved_and_each_is_admitted_by_what_it_reserves(body, limit):
    estimate, before = assert_bounded("embeddings", body, [])

    assert_admitted_up_to("embeddings", body, [], limit, estimate=estimate, before=before)


@thorough
@given(chats)
def test_the_cap_that_is_reserved_is_the_cap_that_is_sent(body):
    played = Played()
    status, answer = played.post("chat/completions", **body)
    assert status == 200, answer

    wanted = body.get("max_tokens") or body.get("max_completion_tokens")
    (claim,), (burned,), (request,) = played.reserved(), played.burner.burned, played.burner.requests
    assert burned.output_tokens == (wanted or MODELS[body["model"]].default_output_tokens)
    assert claim.tokens == input_bound(request) + burned.output_tokens


@thorough
@given(chats, st.sampled_from(("max_tokens", "max_completion_tokens")), st.integers(MOST_TOKENS + 1, 2**40))
def test_a_cap_above_the_models_own_is_refused_and_reserves_nothing(body, name, cap):
    played = Played()
    body = {key: value for key, value in body.items() if key not in {"max_tokens", "max_completion_tokens"}}

    assert played.post("chat/completions", **body | {name: cap})[0] == 400
    assert played.reserved() == played.burner.burned == []
