"""Every error of ours as OpenAI's clients know it."""

import json
import logging

import msgspec
import pytest

from chalicelib.domain import errors
from chalicelib.domain.budget import Gauge, Standing
from chalicelib.edge.problems import STATUS, detail_of, problem_of, problem_response

ABSTRACT = {errors.TidegateError}
ORIGIN = {"request_id": "r-1", "method": "GET", "route": "/v1/models/{model_id}"}


def tree(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


KINDS = sorted(set(tree(errors.TidegateError)) - ABSTRACT, key=lambda kind: kind.__name__)
LEAVES = [kind for kind in KINDS if not kind.__subclasses__()]
MADE = {
    errors.UnknownModel: lambda: errors.UnknownModel("gpt"),
    errors.ContextTooLong: lambda: errors.ContextTooLong(9_000, 8_000),
    errors.UnsupportedMedia: lambda: errors.UnsupportedMedia("text/plain"),
    errors.NoCapacity: lambda: errors.NoCapacity("small", 7),
    errors.JobFailed: lambda: errors.JobFailed("", "ended"),
    errors.Unauthorized: errors.Unauthorized,
    errors.NotFound: lambda: errors.NotFound("conversation", "conv_1"),
    errors.LimitExceeded: lambda: errors.LimitExceeded(
        limit="tokens per minute of the key (10)", remaining=3, asked=8, retry_after_seconds=7
    ),
}


def made(kind):
    return MADE.get(kind, lambda: kind("What went wrong."))()


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_leaf_of_the_tree_has_a_row_of_its_own(kind):
    assert kind in STATUS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_is_drawn_at_the_top_of_its_module(kind):
    assert f" {kind.__name__} " in errors.__doc__.replace("\n", " ")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_openais_body(kind):
    response = problem_response(made(kind), ORIGIN)

    error = json.loads(response.body)["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["message"]
    assert error["code"]
    assert response.status_code == problem_of(made(kind)).status
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("kind", sorted(STATUS, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_the_type_says_whose_fault_it_is(kind):
    problem = STATUS[kind]

    assert (problem.status >= 500) == (problem.type == "server_error")


@pytest.mark.parametrize("kind", sorted(STATUS, key=lambda kind: kind.__name__), ids=lambda kind: kind.__name__)
def test_a_client_is_told_when_to_come_back_where_that_helps(kind):
    response = problem_response(made(kind), ORIGIN)

    helps = response.status_code in {429, 503} or kind is errors.StillRunning
    assert ("Retry-After" in response.headers) == helps


def test_a_client_is_told_not_to_ask_again_for_a_secret():
    assert problem_response(made(errors.AnswerWithheld), ORIGIN).headers["x-should-retry"] == "false"


def test_a_bad_request_names_the_field():
    detail = detail_of(errors.BadRequest("No.", param="messages[0].role", code="invalid_value"))

    assert (detail.param, detail.code) == ("messages[0].role", "invalid_value")


def test_a_reached_limit_says_what_is_left_and_when_it_resets():
    fault = made(errors.LimitExceeded)
    fault.standing = Standing(tokens=Gauge(10, 3, 7))

    headers = problem_response(fault, ORIGIN).headers

    assert headers["Retry-After"] == "7"
    assert headers["x-ratelimit-remaining-tokens"] == "3"


def test_a_call_that_never_fits_is_not_to_be_sent_again():
    fault = errors.LimitExceeded(
        limit="tokens per day of the key (10)", remaining=None, asked=11, retry_after_seconds=None
    )
    fault.standing = Standing(tokens=Gauge(10, 3, 7))

    response = problem_response(fault, ORIGIN)

    assert "needs 11, more than the whole limit; it can never be admitted." in response.body
    assert "Retry-After" not in response.headers
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["x-ratelimit-remaining-tokens"] == "3"


def test_a_targets_own_wish_is_passed_on():
    fault = errors.ModelThrottled("Busy.", retry_after_seconds=30)

    assert problem_response(fault, ORIGIN).headers["Retry-After"] == "30"


def test_what_is_misconfigured_is_told_to_the_operator_alone(caplog):
    with caplog.at_level(logging.INFO, "tidegate"):
        response = problem_response(errors.Misconfigured("the secret is /etc/x"), ORIGIN)

    assert "/etc/x" not in response.body
    assert caplog.records[-1].reason == "the secret is /etc/x"


@pytest.mark.parametrize("fault", [errors.BadRequest("canary"), errors.NotFound("item", "canary")])
def test_what_may_quote_the_caller_is_not_logged(caplog, fault):
    with caplog.at_level(logging.INFO, "tidegate"):
        problem_response(fault, ORIGIN)

    assert caplog.records[-1].message == "refused"
    assert "canary" not in repr(caplog.records[-1].__dict__)


def test_a_refusal_is_logged_with_its_call(caplog):
    with caplog.at_level(logging.INFO, "tidegate"):
        problem_response(errors.Forbidden("No."), ORIGIN)

    assert ORIGIN.items() <= caplog.records[-1].__dict__.items()


def test_a_row_is_closed():
    with pytest.raises(AttributeError):
        msgspec.structs.force_setattr(STATUS[errors.Conflict], "colour", "red")


@pytest.mark.parametrize(
    "kind", [errors.ModelTimeout, errors.ModelGarbled, errors.ModelUnavailable, errors.ModelNotReady]
)
def test_a_targets_fault_names_the_target(kind):
    fault = kind("It broke.")
    fault.target, fault.attempts = "openai+http://host/v1", 3

    response = problem_response(fault, ORIGIN)

    assert json.loads(response.body)["error"]["message"] == "It broke. Target: openai+http://host/v1"
    assert (response.headers["x-tidegate-target"], response.headers["x-tidegate-attempts"]) == (fault.target, "3")


def test_what_a_job_came_to_is_told_as_the_fault_that_ended_it():
    problem = problem_of(errors.JobFailed("ModelTimeout", "Nothing came."))

    assert problem is STATUS[errors.ModelTimeout]
