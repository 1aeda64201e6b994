"""What a turn of each kind asks of AWS, counted where AWS would count it, beside what the planner prices.

The figures are written to `build/e2e/counted-<way>.json`.
"""

import json
import re
from collections import Counter
from functools import partial
from itertools import count

import pytest

from infra.plan import counts
from infra.plan.kinds import AGAIN, ASKED, BETWEEN, HISTORY
from tests.clients.product import MODEL
from tests.clients.sockets import Socket
from tests.e2e.cloud import ROOT
from tests.e2e.line import Line
from tests.infra.runs import eventually

TURNS = 5
PLANNED = counts.read().kinds
FROM = {"exact_hit": "hit", "semantic_hit": "semantic", "job": None}  # all others are from a model
KINDS = [
    pytest.param(way, kind, id=f"{kind}-{way}")
    for way, kinds in {
        "cloudformation": ("exact_hit", "miss", "conversation", "job"),
        "chalice": ("semantic_hit", "semantic_miss"),
    }.items()
    for kind in kinds
]
# The planner measures in one process, which looks once for what three look for here: the API's, the queue's and again
# the API's.
APART = {"job": Counter(batch_get_item=1, get_item=2)}
APART_UNITS = {"job": Counter(access=1, jobs=2)}


@pytest.fixture(scope="module")
def quiet(deployment):
    """A stage whose schedules rest: what is counted is of turns alone."""
    events = deployment.cloud.client("events")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"]]
    for rule in rules:
        events.disable_rule(Name=rule)
    yield deployment.deployed
    for rule in rules:
        events.enable_rule(Name=rule)


@pytest.fixture
def user(quiet, key):
    with quiet.client(api_key=key) as client:
        yield User(quiet, client, key)


class User:
    """Somebody who asks one question after another, each an answer of the kind that is meant."""

    def __init__(self, deployed, client, key):
        self._client, self._key = client, key
        self._deployed, self._line = deployed, Line(deployed, client)
        self._numbers = count()
        self._conversation = None

    def chat(self, text, *before, **extra):
        """One turn; where its answer came from."""
        messages = [*before, {"role": "user", "content": text}]
        answer = self._client.chat.completions.with_raw_response.create(model=MODEL, messages=messages, **extra)
        return answer.headers["x-tidegate-cache"]

    def exact_hit(self):
        self.chat(BETWEEN)
        return partial(self.chat, BETWEEN)

    def miss(self):
        return partial(self.chat, f"What is wave number {next(self._numbers)}?")

    semantic_miss = miss

    def semantic_hit(self):
        """Asked before in other words, within a scope of its own."""
        system = {"role": "system", "content": f"You are cook number {next(self._numbers)}."}
        self.chat(ASKED, system)
        self.chat(BETWEEN, system)
        return partial(self.chat, AGAIN, system)

    def conversation(self):
        if self._conversation is None:
            self._conversation = {"extra_body": {"conversation": self._client.conversations.create().id}}
            for number in range(HISTORY - TURNS // 2):
                self.chat(f"Remark {number}", **self._conversation)
        return partial(self.chat, f"What is wave number {next(self._numbers)}?", **self._conversation)

    def job(self):
        def put_and_fetch():
            job = self._line.put(f"What is wave number {next(self._numbers)}?")
            self._line.wait()
            self._line.job(job)

        return put_and_fetch

    def socket(self):
        def connect_and_ask():
            with Socket(self._deployed, key=self._key) as socket:
                socket.ask("c1", f"What is wave number {next(self._numbers)}?")
                assert socket.until("done", "error")["type"] == "done"
            self._line.wait()
            assert eventually(self._disconnected)

        return connect_and_ask

    def _disconnected(self):
        """Whether the product was told so."""
        name = self._deployed.functions["close_connection"]
        return any(of(call, f"Function.{name}") for call in self._deployed.cloud.calls())


def counted(deployed, turn):
    """What one turn asked for, and what it answered."""
    deployed.cloud.forget_calls()
    answer = turn()
    return deployed.cloud.calls(), answer


def mean(deployed, turns):
    """One turn of several, in the planner's own words, and what else was counted."""
    names = {called: name for name, called in deployed.functions.items()}
    calls = [call for found, _ in turns for call in found]
    stored = [call for call in calls if of(call, "DynamoDB.")]
    each = Counter()
    for call in stored:
        for used in call["units"]:
            each["read", used["table"].rpartition("-")[2]] += used["read"]
            each["write", used["table"].rpartition("-")[2]] += used["write"]
    return {
        "calls": shares(Counter(snake(after(call, "DynamoDB.")) for call in stored)),
        "read_units": shares({table: units for (kind, table), units in each.items() if kind == "read" and units}),
        "write_units": shares({table: units for (kind, table), units in each.items() if kind == "write" and units}),
        "bytes_sent": sum(call["request_bytes"] for call in stored) / TURNS,
        "bytes_received": sum(call["response_bytes"] for call in stored) / TURNS,
        "sqs_sends": sum(of(call, "SQS.SendMessage") for call in calls) / TURNS,
        "socket_posts": sum(of(call, "Connections.POST") for call in calls) / TURNS,
        "invocations": shares(Counter(names[after(call, "Function.")] for call in calls if of(call, "Function."))),
    }


def shares(counter):
    return {name: counted / TURNS for name, counted in sorted(counter.items())}


def of(call, prefix):
    return call["call"].startswith(prefix)


def after(call, prefix):
    return call["call"].removeprefix(prefix)


def snake(operation):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


@pytest.fixture
def keep(request):
    """Write a kind's figures beside those of the others."""

    def write(kind, figures):
        way = request.node.callspec.params["deployment"]
        file = ROOT / "build" / "e2e" / f"counted-{way}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(known | {kind: figures}, indent=2, sort_keys=True) + "\n")
        return figures

    return write


@pytest.mark.parametrize(("deployment", "kind"), KINDS, indirect=["deployment"])
def test_a_turn_asks_for_what_the_planner_prices(quiet, user, keep, kind):
    turns = [counted(quiet, getattr(user, kind)()) for _ in range(1 + TURNS)][1:]

    assert {answer for _, answer in turns} == {FROM.get(kind, "miss")}
    found = keep(kind, mean(quiet, turns))
    planned = PLANNED[kind]
    assert whole(found["calls"]) == Counter(whole(planned.calls)) + APART.get(kind, Counter())
    assert found["sqs_sends"] == planned.sqs_sends
    assert found["read_units"] == pytest.approx(Counter(planned.read_units) + APART_UNITS.get(kind, Counter()), abs=0.7)
    assert found["write_units"] == pytest.approx(planned.write_units, abs=0.7)
    assert found["bytes_sent"] == pytest.approx(planned.bytes_sent, rel=0.2)


def whole(calls):
    """Calls of every turn: what comes once in several is not of the turn."""
    return {name: round(number) for name, number in calls.items() if round(number)}


def test_a_turn_is_one_invocation_and_a_job_is_two(quiet, user, keep):
    jobs = [counted(quiet, user.job()) for _ in range(1 + TURNS)][1:]
    chats = [counted(quiet, user.miss()) for _ in range(1 + TURNS)][1:]

    assert mean(quiet, chats)["invocations"] == {"stream": 1}
    assert mean(quiet, jobs)["invocations"]["work_off"] == 1


def test_an_answer_over_a_socket_is_posted_in_few_pieces(quiet, user, keep):
    turns = [counted(quiet, user.socket()) for _ in range(1 + TURNS)][1:]

    found = keep("socket", mean(quiet, turns))
    assert found["invocations"] == {"close_connection": 1, "hear_connection": 2, "open_connection": 1, "work_off": 1}
    assert 4 <= found["socket_posts"] <= 10
