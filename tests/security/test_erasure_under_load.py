"""Users are erased in the middle of whatever they do: nothing of theirs is left by the next minute's run.

Each kind of work is cut by an erasure before each of its writes, so that all that follows is written late. Then many
work at once in an order that a seed makes: whole and streamed, in the line, in the background and on connections.
"""

import itertools
import secrets
import sys
from dataclasses import dataclass
from random import Random

import pytest

from app import sweep_leases
from chalicelib import bootstrap
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.domain.trail import By
from chalicelib.pipeline.work import cancel
from tests.builders import CONTEXT, an_event
from tests.functional.conftest import opened
from tests.functional.rights import acting
from tests.functional.test_logs import lines
from tests.functional.test_sockets import Line, exchange
from tests.functional.world import chat_body
from tests.security.test_erasure import LATER, live, texts

__all__ = ["exchange", "lines"]

SEED = 34
PEOPLE = 8
FEWEST_WRITES = 2
CHAT, RESPONSES, CONVERSATIONS = "/v1/chat/completions", "/v1/responses", "/v1/conversations"
WRITES = {"put_item", "update_item", "delete_item", "transact_write_items", "batch_write_item"}


@pytest.fixture
def world(monkeypatch):
    for made in opened(monkeypatch):
        yield made.serving_by_meaning(monkeypatch)


@dataclass
class Person:
    """A user of a tenant, whose every word is one that nobody else says."""

    tenant: str
    user: str
    word: str
    key: str

    def says(self, text="How do I boil an egg in {}?"):
        return text.format(self.word)


@pytest.fixture
def people(world):
    def made(number, tenant="acme"):
        user = f"ada-{number}"
        return Person(tenant, user, f"Qux{number:03}canaria", world.key(tenant, user))

    return made


@pytest.fixture
def knife(monkeypatch):
    return Knife(monkeypatch)


class Knife:
    """Has something done right before a write, whoever writes."""

    def __init__(self, patch):
        self._left, self._act = 0, None
        call = Database.call

        def called(database, operation, request):
            if operation in WRITES:
                self._left -= 1
                if self._left == 0:
                    self._act()
            return call(database, operation, request)

        patch.setattr(Database, "call", called)

    def before(self, write, act):
        self._left, self._act = write, act


def erase(person):
    """What `DELETE /admin/users/{user}` does, in the middle of another call."""
    use = bootstrap.services()
    now = use.clock()
    by = By(f"{int(now * 1000):012x}{secrets.token_hex(10)}", now, "192.0.2.7", "r-1")
    with acting("api_handler"):
        use.eraser.begin(person.tenant, person.user, lambda owner, job: cancel(owner, job, use), by)
    return person


def worked_off(world, *bodies):
    """What was in the queue, beside `bodies`, of which workers have made what is to be made until it is empty."""
    seen = []
    while bodies := bodies or world.taken():
        seen += bodies
        world.work(*bodies)
        bodies = ()
    return seen


def a_minute_later(world):
    """The schedule's run, and the workers that it calls."""
    with acting("sweep"):
        sweep_leases(an_event("scheduled"), CONTEXT)
    return worked_off(world)


def remaining(world, people):
    """The tables of the rows that hold the word of each, in whatever form."""
    found = {}
    for table, rows in world.everything().items():
        for row in rows:
            text = " ".join(texts(row))
            for person in people:
                if person.word in text:
                    found.setdefault(person.word, []).append(table.rpartition("-")[2])
    return found


def chat(world, person, _):
    world.chat(person.says(), key=person.key)


def stream(world, person, _):
    b"".join(world.stream(person.says(), key=person.key).body)


def once(world, person, _):
    said = {"headers": {"idempotency-key": "once"}, "key": person.key}
    world.call("POST", CHAT, chat_body(person.says()), **said)


def remembered(world, person, _):
    made = world.call("POST", CONVERSATIONS, {"metadata": {"about": person.word}}, key=person.key)
    if made.status == 200:
        world.chat(person.says(), key=person.key, conversation=made.json["id"])


def noted(world, person, _):
    items = [{"role": "user", "content": person.says()}]
    made = world.call("POST", CONVERSATIONS, {"items": items}, key=person.key)
    if made.status == 200:
        world.call("POST", f"{CONVERSATIONS}/{made.json['id']}/items", {"items": items}, key=person.key)


def respond(world, person, _):
    world.call("POST", RESPONSES, {"model": "nova-lite", "input": person.says()}, key=person.key)


def respond_in_pieces(world, person, _):
    world.call("POST", RESPONSES, {"model": "nova-lite", "input": person.says(), "stream": True}, key=person.key)


def respond_behind(world, person, _):
    body = {"model": "nova-lite", "input": person.says(), "background": True}
    world.call("POST", RESPONSES, body, key=person.key)
    worked_off(world)


def wait_in_line(world, person, _):
    world.call("POST", CHAT, chat_body(person.says()), key=person.key, headers=LATER)
    worked_off(world)


def talk(world, person, exchange):
    begun(person, exchange)
    worked_off(world)


def begun(person, exchange):
    """A chat on a connection that is in the line, unless its user was erased meanwhile."""
    line = Line(exchange, person.user)
    line.open()
    line.say(type="auth", key=person.key)
    line.ask("c1", person.says("Name three bridges of {}, please"))


def judge(world, person, _):
    answer = world.chat(person.says(), key=person.key)
    if answer.status == 200:
        for correct in (True, False):
            word = {"id": answer.json["id"], "correct": correct}
            world.call("POST", "/v1/cache/feedback", word, key=person.key)


KINDS = [
    chat,
    stream,
    once,
    remembered,
    noted,
    respond,
    respond_in_pieces,
    respond_behind,
    wait_in_line,
    talk,
    judge,
]


@pytest.mark.parametrize("work", KINDS)
def test_what_is_written_after_an_erasure_is_gone_with_the_next_run(world, people, exchange, knife, work):
    everybody = []
    for write in itertools.count(1):
        person, cut = people(write), []
        everybody.append(person)
        knife.before(write, lambda person=person, cut=cut: cut.append(erase(person)))
        work(world, person, exchange)
        if not cut:
            break
    knife.before(0, None)
    erase(person)

    a_minute_later(world)

    assert len(everybody) > FEWEST_WRITES
    assert remaining(world, everybody) == {}
    print(f"{work.__name__}: cut before each of {len(everybody) - 1} writes, and after the last: nothing left")  # noqa: T201


def test_of_many_at_once_the_erased_leave_nothing_and_the_others_all(world, people, exchange, knife, lines):
    """Half of them are erased while their streams run, their jobs wait, and workers speak on their connections."""
    random = Random(SEED)
    everybody = [people(number, f"tenant-{number % 3}") for number in range(PEOPLE)]
    erased, others = everybody[::2], everybody[1::2]
    paths = {person.word: busy(world, person, exchange) for person in everybody}
    streams = [world.stream(person.says("Tell me of {}"), key=person.key).body for person in everybody]
    before = remaining(world, everybody)
    waiting, queued, left, just = [], [], [*erased], []

    def cut():
        knife.before(random.randint(1, 9), lambda: just.append(erase(left.pop())) if left else None)

    def work():
        waiting.extend(world.taken())
        if waiting:
            queued.append(waiting.pop(random.randrange(len(waiting))))
            world.work(queued[-1])

    assert all(next(stream) for stream in streams)
    steps = [work] * 4 * PEOPLE + [lambda stream=stream: b"".join(stream) for stream in streams]
    for step in random.sample(steps, k=len(steps)):
        cut()
        step()
        assert {*read(world, just, paths)} <= {401}
        just.clear()
    queued += worked_off(world, *waiting)
    late = remaining(world, erased)
    queued += a_minute_later(world)

    after = remaining(world, everybody)
    assert (left, before.keys(), after.keys()) == ([], words(everybody), words(others))
    assert all({*before[person.word]} <= {*after[person.word]} for person in others)
    assert {*read(world, erased, paths, again=True)} == {404}
    told = "".join([*queued, *world.taken(1), *lines()])
    assert [word for word in words(everybody) if word in told] == []
    counts = f"{rows(before, erased)} rows with their words, {rows(late, erased)} written late, none a run later"
    print(f"{len(erased)} of {PEOPLE} erased: {counts}", file=sys.__stdout__)


def busy(world, person, exchange):
    """Leave traces of every kind, and a chat on a connection in the line; the paths of what can be read."""
    paths = live(world, person.key, person.word)
    judge(world, person, exchange)
    begun(person, exchange)
    return paths


def words(people):
    return {person.word for person in people}


def rows(found, people):
    return sum(len(found.get(person.word, ())) for person in people)


def read(world, people, paths, *, again=False):
    """How what was kept is read, with their own keys or, `again`, with those that later users of their names have."""
    for person in people:
        key = world.key(person.tenant, person.user) if again else person.key
        yield from (world.call("GET", path, key=key).status for path in paths[person.word])
