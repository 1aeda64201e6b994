"""What the API's own description allows is taken, what it does not is refused, and nothing is a fault of the server.

`FUZZ_CASES` is how many requests are made of the description, over all operations; each is sent again without a key,
and with a wrong one.
"""

import logging
import os
import re
from collections import Counter

import hypothesis
import pytest
import schemathesis
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.core.failures import AcceptedNegativeData, FailureGroup
from schemathesis.openapi.checks import RejectedPositiveData

from chalicelib.edge.openapi.document import OPERATIONS
from tests.functional.conftest import module_patch, quiet_world
from tests.functional.world import MANY
from tests.security.gateway import wsgi

__all__ = ["module_patch", "quiet_world"]

CASES = int(os.environ.get("FUZZ_CASES", "2000"))
CHAINS = CASES // 50
MOST_TRIES = 8
LABELS = [each.line for each in OPERATIONS if each.name != "describe"]
MEANT = {
    "POST /v1/chat/completions": {
        "tool_choice",
        "tools",
        "stream_options",
        "max_tokens",
        "messages",
        "response_format",
    },
    "POST /v1/responses": {
        "tool_choice",
        "tools",
        "stream_options",
        "input",
        "previous_response_id",
        "conversation",
        "background",
    },
    "POST /v1/conversations": {"items"},
    "POST /v1/conversations/{conversation_id}/items": {"items"},
    "POST /admin/tenants/{tenant}": {"plan", "webhook", "tenant"},
    "POST /admin/plans": {"limits", "models"},
    "POST /admin/keys": {"plan", "expires_at"},
    "GET /admin/keys": {"after"},
    "GET /admin/usage": {"after"},
    "GET /admin/cache": {"after"},
    "GET /admin/cache/decisions": {"after", "tenant"},
    "GET /admin/audit": {"after", "tenant"},
}
"""What a schema cannot say: fields that contradict each other, names of things that are not there, forged cursors."""

IGNORED = ("query: violates `additionalProperties`", "header: violates `required` (was Authorization)")
"""Unknown parameters of a query mean nothing, and each call here has a key."""

SETTINGS = hypothesis.settings(
    max_examples=max(1, CASES // len(LABELS)),
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def signed_in(world):
    return {"Authorization": f"Bearer {world.key(scopes=frozenset({'chat', 'admin'}))}"}


@pytest.fixture
def headers(quiet_world):
    return signed_in(quiet_world)


@pytest.fixture(scope="module", autouse=True)
def _silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def schema(quiet_world):
    return schemathesis.openapi.from_wsgi("/openapi.json", wsgi(quiet_world))


def is_meant(fault, case, response):
    """Whether a refusal of what the schema allows is one that no schema could tell, or the other way round."""
    if isinstance(fault, AcceptedNegativeData):
        violations = [_lacking(line, case) for line in fault.message.splitlines() if "violates" in line]
        return bool(violations) and all(line.strip().endswith(IGNORED) for line in violations)
    if not isinstance(fault, RejectedPositiveData) or response.status_code != 400:
        return False
    param = response.json()["error"]["param"] or ""
    return param.partition(".")[0].partition("[")[0] in MEANT.get(case.operation.label, ())


def _lacking(violation, case):
    """A violation without the word that a parameter is missing which the call has all the same."""
    there = case.query or {}
    return re.sub(r", `required` \(was (\w+)\)", lambda said: "" if said[1] in there else said[0], violation)


def check(case, response, headers):
    """Fail where an answer is not what is described, for any other reason than one that no schema could tell."""
    try:
        case.validate_response(response, headers=headers)
    except FailureGroup as group:
        if not all(is_meant(fault, case, response) for fault in group.exceptions):
            raise


@pytest.mark.parametrize("label", LABELS)
def test_the_app_does_what_its_description_says(schema, headers, label):
    operation = next(found.ok() for found in schema.get_all_operations() if found.ok().label == label)
    kinds = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @SETTINGS
    @hypothesis.given(case=hypothesis.strategies.one_of(*kinds))
    def holds(case):
        check(case, case.call(headers=headers), headers)

    holds()


def emptied(world):
    """The same world with nothing in it but the plan that keys have."""
    for table in world.tables:
        names = [part["AttributeName"] for part in table["KeySchema"]]
        for row in world.rows(table["TableName"].rpartition("-")[2]):
            world.dynamodb.delete_item(TableName=table["TableName"], Key={name: row[name] for name in names})
    world.plan(MANY)
    world.restart()


def test_what_one_call_made_others_find(schema, quiet_world):
    """Calls one after the other, each with what the ones before it told: ids, names, pages."""
    statuses = Counter()
    headers = {}

    class Caller(schema.as_state_machine()):
        def setup(self):
            emptied(quiet_world)
            headers.update(signed_in(quiet_world))

        def get_call_kwargs(self, case):
            return {"headers": headers}

        def validate_response(self, response, case, **_):
            statuses[case.operation.method, case.operation.path, response.status_code] += 1
            check(case, response, headers)

    chains = hypothesis.settings(SETTINGS, max_examples=CHAINS, stateful_step_count=8)
    for seed in range(MOST_TRIES):  # which call follows which is chance, and names are made anew
        run_state_machine_as_test(hypothesis.seed(seed)(Caller), settings=chains)
        found = {path for _, path, status in statuses if status == 200}
        if "/v1/conversations/{conversation_id}" in found:
            return
    pytest.fail(f"no chain found a conversation that it had made: {sorted(found)}")
