"""Who asks, what for, and whose answers may serve."""

import pytest

from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.domain.cache_key import places
from chalicelib.domain.errors import BadRequest, Forbidden, Misconfigured, Unauthorized, UnknownModel
from chalicelib.domain.turn import CacheControl
from chalicelib.pipeline.fits import Fits
from chalicelib.pipeline.identify import Gate
from chalicelib.pipeline.sizes import Sizes
from tests.builders import NOW, PEPPERS, a_catalogue, a_credential, a_key, a_model, a_request, an_ask
from tests.unit.pipeline.stage import Stage


def identified(stage, *messages, **fields):
    return stage.services.gate.identify(an_ask(*messages, credential=stage.credential, **fields))


def test_a_good_key_is_its_owner_with_the_plan():
    stage = Stage(name="standard", concurrent=3)

    opened = identified(stage)

    assert (opened.principal.tenant, opened.principal.user) == ("acme", "ada")
    assert (opened.caller.plan.name, opened.caller.plan.concurrent) == ("standard", 3)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"revoked_at": 1}, Unauthorized),
        ({"expires_at": NOW}, Unauthorized),
        ({"digest": "0" * 64}, Unauthorized),
        ({"scopes": frozenset()}, Forbidden),
        ({"scopes": frozenset({"admin"})}, Forbidden),
        ({"plan": "nowhere"}, Misconfigured),
    ],
)
def test_a_key_that_may_not_chat_is_refused_by_every_door(fields, fault):
    stage = Stage()
    stage.shelf.keys[stage.credential.key_id] = a_key(stage.credential, **fields)
    gate = stage.services.gate

    with pytest.raises(fault):
        identified(stage)
    with pytest.raises(fault):
        gate.caller(stage.credential, turn_id="t", now=NOW)
    if fault is not Misconfigured:
        with pytest.raises(fault):
            gate.principal(stage.credential, NOW, "chat")


def test_a_key_has_the_scopes_that_it_has():
    stage = Stage()
    stage.shelf.keys[stage.credential.key_id] = a_key(stage.credential, scopes=frozenset({"admin"}))

    assert stage.services.gate.principal(stage.credential, NOW, "admin").user == "ada"


def test_everything_is_read_at_once():
    stage, cues = Stage(), []

    class Counting(MemoryTurns):
        def recall(self, cue):
            cues.append(cue)
            return super().recall(cue)

    gate = Gate(
        Counting(stage.shelf),
        stage.keys,
        PEPPERS,
        a_catalogue(),
        caching=True,
        watch=stage.pool,
        cap=Sizes().cap,
        meaning=lambda _: None,
        fits=Fits("", ""),
    )

    gate.identify(an_ask(credential=stage.credential, conversation="conv_1"))

    (cue,) = cues
    assert (cue.credential, cue.conversation, len(set(cue.answers))) == (stage.credential, "conv_1", 2)


@pytest.mark.parametrize(("asked", "cap"), [(0, 100), (7, 7), (1_000, 1_000)])
def test_a_cap_is_always_set(asked, cap):
    request = a_request(max_output_tokens=asked)

    assert identified(Stage(), request=request).request.max_output_tokens == cap


def test_a_default_cap_is_never_above_the_models_own():
    stage = Stage()
    small = a_catalogue(a_model(max_output_tokens=10, default_output_tokens=100))
    gate = Gate(
        MemoryTurns(stage.shelf),
        stage.keys,
        PEPPERS,
        small,
        caching=True,
        watch=stage.pool,
        cap=Sizes().cap,
        meaning=lambda _: None,
        fits=Fits("", ""),
    )

    assert gate.identify(an_ask(credential=stage.credential)).request.max_output_tokens == 10


def test_a_cap_above_the_models_own_is_refused():
    with pytest.raises(BadRequest) as caught:
        identified(Stage(), request=a_request(max_output_tokens=1_001))

    assert caught.value.param == "max_tokens"
    assert "1000" in caught.value.message


@pytest.mark.parametrize("request_", [a_request(model="nowhere"), a_request(max_output_tokens=1_001)])
def test_a_stranger_is_told_nothing_of_the_models(request_):
    stage = Stage()
    stage.shelf.keys.clear()

    with pytest.raises(Unauthorized):
        identified(stage, request=request_)


def test_an_alias_becomes_the_models_own_name():
    stage = Stage()
    gate = Gate(
        MemoryTurns(stage.shelf),
        stage.keys,
        PEPPERS,
        a_catalogue(a_model(aliases=("little",))),
        caching=True,
        watch=stage.pool,
        cap=Sizes().cap,
        meaning=lambda _: None,
        fits=Fits("", ""),
    )

    opened = gate.identify(an_ask(credential=stage.credential, request=a_request(model="little")))

    assert opened.request.model == "small"
    assert opened.place == gate.identify(an_ask(credential=stage.credential)).place


def test_a_model_outside_the_plan_is_unknown():
    with pytest.raises(UnknownModel):
        identified(planned("large"))


def planned(*models):
    stage = Stage()
    plan = stage.shelf.plans["standard"]
    stage.keys.put_plan(type(plan)(plan.name, models=models))
    return stage


def test_a_model_of_the_plan_is_known():
    assert identified(planned("small")).model.id == "small"


@pytest.mark.parametrize("shares", [False, True])
def test_answers_are_the_users_own_unless_the_plan_shares_them(shares):
    stage = Stage(shares_answers=shares)

    opened = identified(stage)

    own, shared = places(stage.credential.tenant_tag, stage.credential.user_tag, opened.request)
    assert opened.place == (shared if shares else own)


@pytest.mark.parametrize(
    ("cache", "placed"),
    [
        (None, True),
        (CacheControl(), True),
        (CacheControl(no_cache=True), True),
        (CacheControl(no_store=True), True),
        (CacheControl(no_cache=True, no_store=True), False),
    ],
)
def test_who_wants_neither_side_of_the_cache_bypasses_it(cache, placed):
    assert (identified(Stage(), cache=cache).place is not None) == placed


def test_a_cache_that_is_off_is_bypassed():
    assert identified(Stage(caching=False)).place is None


def test_a_plan_that_is_younger_than_the_remembered_ones_is_found():
    stage = Stage()

    class Forgetful(MemoryTurns):
        def recall(self, cue):
            memory = super().recall(cue)
            memory.plans.clear()
            return memory

    gate = Gate(
        Forgetful(stage.shelf),
        stage.keys,
        PEPPERS,
        a_catalogue(),
        caching=True,
        watch=stage.pool,
        cap=Sizes().cap,
        meaning=lambda _: None,
        fits=Fits("", ""),
    )

    assert gate.caller(stage.credential, turn_id="t", now=NOW).plan.name == "standard"


def test_a_key_of_another_owner_with_the_same_secret_is_refused():
    stage = Stage()
    other = a_credential("acme", "bob")
    stage.keys.put(a_key(other, "acme", "eve"))

    with pytest.raises(Unauthorized):
        stage.services.gate.principal(other, NOW, "chat")
