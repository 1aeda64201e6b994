"""docs/api.md and the code agree on routes, fields and errors."""

import re
from types import SimpleNamespace

import msgspec
import pytest

from app import app
from chalicelib.domain import errors
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import KeyEnded, PepperGone
from chalicelib.domain.regions import HomeAway, HomeElsewhere
from chalicelib.domain.strangers import TooManyFailures
from chalicelib.domain.turn import CacheControl
from chalicelib.edge import (
    admin_wire,
    cache_wire,
    chat_request,
    conversation_wire,
    model_wire,
    plan_wire,
    responses_body,
)
from chalicelib.edge.call import decode
from chalicelib.edge.door import METHODS
from chalicelib.edge.problems import INTERNAL, STATUS, detail_of, problem_of
from tests.docs.pages import page, quoted, rows

PAGE = page("docs/api.md")
CHAT = PAGE.section("### `POST /v1/chat/completions`")
SMALLEST = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
HEADING = re.compile(r"^### `([A-Z]+) (/\S*)`$", re.MULTILINE)

BODIES = {
    "### `POST /v1/chat/completions`": chat_request.ChatBody,
    "### `POST /v1/embeddings`": model_wire.EmbedBody,
    "### `POST /v1/responses`": responses_body.ResponseBody,
    "### `POST /v1/responses/{response_id}/cancel`": responses_body.CancelBody,
    "### `POST /v1/conversations`": conversation_wire.CreateBody,
    "### `POST /v1/conversations/{conversation_id}`": conversation_wire.UpdateBody,
    "### `POST /v1/conversations/{conversation_id}/items`": conversation_wire.ItemsBody,
    "### `POST /v1/cache/feedback`": cache_wire.FeedbackBody,
    "### `POST /admin/cache/purge`": cache_wire.PurgeBody,
    "### `POST /admin/plans`": plan_wire.PlanBody,
    "### `POST /admin/tenants/{tenant}`": admin_wire.TenantBody,
    "### `POST /admin/keys`": admin_wire.KeyBody,
    "### `POST /admin/keys/{key_id}/rotate`": admin_wire.RotateBody,
}
IGNORED = {
    "n": 1,
    "logprobs": False,
    "modalities": ["text"],
    "store": False,
    "metadata": {"team": "search"},
    "service_tier": "default",
    "safety_identifier": "someone",
    "prompt_cache_key": "key",
}
MEANT = {"n": 2, "logprobs": True, "modalities": ["audio"], "store": True, "service_tier": "priority"}
USED = {
    "stop": "END",
    "seed": 7,
    "top_p": 0.5,
    "temperature": 0.1,
    "presence_penalty": 1,
    "frequency_penalty": 1,
    "logit_bias": {"50256": -100},
    "response_format": {"type": "json_object"},
    "tools": [{"type": "function", "function": {"name": "look_up"}}],
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "user": "someone",
    "max_tokens": 9,
    "max_completion_tokens": 9,
}
FAULTS = [
    errors.BadRequest("wrong"),
    errors.UnknownModel("m"),
    errors.ContextTooLong(2, 1),
    errors.UnsupportedMedia("text/plain"),
    errors.PayloadTooLarge("large"),
    errors.KeyReused("again", param="Idempotency-Key", code="idempotency_key_reused"),
    errors.Unauthorized(),
    KeyEnded(),
    PepperGone(),
    errors.Forbidden("no"),
    errors.NotFound("item", "i"),
    errors.Conflict("changed"),
    errors.StillRunning("wait"),
    errors.AnswerWithheld("told"),
    errors.LimitExceeded(limit="tokens", remaining=0, asked=1, retry_after_seconds=1),
    TooManyFailures(1),
    errors.ModelError("failed"),
    errors.ModelRejected("no"),
    errors.ModelThrottled("later"),
    errors.ModelUnavailable("down"),
    errors.ModelNotReady("starting"),
    errors.NoCapacity("small", 1),
    errors.JobExpired("late"),
    errors.JobFailed("", "ended"),
    errors.ModelTimeout("silent"),
    errors.ModelGarbled("noise"),
    HomeElsewhere("there"),
    HomeAway("later"),
    errors.StoreUnavailable("down"),
    errors.StoreBusy("busy"),
    errors.IndexUnavailable("slow"),
    errors.QueueUnavailable("down"),
    errors.Misconfigured("wrong"),
]
ERRORS = {quoted(row[0])[0]: row for row in rows(PAGE.section("## Errors"))}


def subclasses(kind):
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def documented(text, kind=None):
    return {quoted(row[0])[0] for row in rows(text) if len(row) > 2 and (kind is None or row[1] == kind)}


def asked(**fields):
    body = decode(msgspec.json.encode({**SMALLEST, **fields}), chat_request.ChatBody)
    return chat_request.ask_of(
        SimpleNamespace(
            credential=None, turn_id="t", now=0.0, until=1.0, request_id="r", left=None, header=lambda _: ""
        ),
        body,
    )


def test_the_routes_are_those_of_the_app():
    served = {(method, path) for path, methods in app.routes.items() for method in methods if method in METHODS}

    assert set(HEADING.findall(PAGE.text)) == served


@pytest.mark.parametrize("heading", BODIES)
def test_the_fields_are_those_of_the_type_that_decodes_the_body(heading):
    fields = set(BODIES[heading].__struct_encode_fields__)
    text = PAGE.section(heading).partition("\n### Messages")[0]

    assert documented(text) == fields


@pytest.mark.parametrize("heading", BODIES)
def test_a_field_is_called_required_where_it_is(heading):
    required = {each.encode_name for each in msgspec.structs.fields(BODIES[heading]) if each.required}
    text = PAGE.section(heading)

    assert documented(text, "required") == required


@pytest.mark.parametrize("name", msgspec.structs.fields(chat_request.StreamOptions), ids=lambda each: each.name)
def test_the_stream_options_are_named(name):
    assert f"`{name.encode_name}`" in CHAT


def test_the_cache_control_has_a_row_for_each_field():
    named = {quoted(row[0])[0] for row in rows(PAGE.section("## Cache control"))}

    assert named == {f"cache.{name}" for name in CacheControl.__struct_encode_fields__}


def test_the_ignored_fields_are_those_that_change_nothing():
    assert documented(CHAT, "ignored") == set(IGNORED)
    assert all(asked(**{name: value}) == asked() for name, value in IGNORED.items())


@pytest.mark.parametrize("name", USED)
def test_a_used_field_changes_what_is_asked(name):
    assert name in documented(CHAT, "used")
    assert asked(**{name: USED[name]}) != asked()


@pytest.mark.parametrize("name", [name for row in rows(CHAT) if len(row) == 2 for name in quoted(row[0])])
def test_a_refused_field_is_refused_by_name(name):
    with pytest.raises(BadRequest) as caught:
        asked(**{name: True})

    assert (caught.value.param, caught.value.code) == (name, "unknown_parameter")


@pytest.mark.parametrize("name", MEANT)
def test_a_field_that_is_ignored_refuses_a_value_that_would_mean_something(name):
    with pytest.raises(BadRequest) as caught:
        asked(**{name: MEANT[name]})

    assert str(caught.value.param).startswith(name)


def test_every_error_has_a_row_and_a_sample_here():
    tree = subclasses(errors.TidegateError) - {errors.TidegateError}

    assert {type(fault) for fault in FAULTS} == tree
    assert set(ERRORS) == {kind.__name__ for kind in tree}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_an_error_is_answered_as_its_row_says(fault):
    _, status, kind, code, retry, _ = ERRORS[type(fault).__name__]
    problem, detail = problem_of(fault), detail_of(fault)

    assert (status, kind, code) == (str(problem.status), f"`{detail.type}`", f"`{detail.code}`")
    assert (retry == "yes") == problem.retry


def test_every_row_of_the_status_table_is_of_an_error_in_the_tree():
    assert {kind.__name__ for kind in STATUS} <= set(ERRORS)


def test_the_code_of_a_bug_is_documented():
    assert f"500 `{INTERNAL.code}`" in PAGE.section("## Errors")


def test_the_sample_error_is_a_real_one():
    with pytest.raises(BadRequest) as caught:
        asked(functions=[])

    (sample,) = PAGE.blocks("json")
    assert msgspec.json.decode(sample)["error"] == msgspec.to_builtins(detail_of(caught.value))
