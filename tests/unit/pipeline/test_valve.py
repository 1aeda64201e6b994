"""The line's workers, looked after every minute by what came back and what the targets say."""

import msgspec
import pytest

from chalicelib.adapters.memory.jobs import MemoryJobs
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.valve import MemoryValve
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Quota, known_as
from chalicelib.domain.concurrency import MINUTE, START, Flow
from chalicelib.domain.errors import ModelNotReady, ModelThrottled
from chalicelib.pipeline import turn, work
from chalicelib.pipeline.valve import Gauge
from tests.builders import NOW, a_catalogue, a_model, an_ask
from tests.unit.pipeline.stage import Scripted, Stage


def with_quota(model, requests):
    quota = Quota(requests_per_minute=requests)
    return msgspec.structs.replace(model, targets=tuple(msgspec.structs.replace(t, quota=quota) for t in model.targets))


class Line:
    """A gauge over a line of which only its flow, its returns and its targets are known."""

    def __init__(self, *models, workers=40, waiting=1_000):
        self.now = NOW
        self.valve = MemoryValve(None if workers is None else Flow(workers, NOW - 3_600, waiting))
        self.jobs, self.targets = MemoryJobs(), MemoryTargets(Shelf())
        catalogue = a_catalogue(*models) if models else a_catalogue(a_model("m", "script://a"))
        self.gauge = Gauge(self.valve, self.jobs, self.targets, lambda: catalogue, lambda: self.now)

    def put_back(self, jobs, *, ago=MINUTE):
        for _ in range(jobs):
            self.jobs.count_return(self.now - ago)


def test_where_nothing_can_be_bounded_nothing_is_done():
    line = Line(workers=None)

    assert (line.gauge.adjust(), line.valve.turned) == (0, [])


def test_a_line_without_a_bound_is_given_one():
    line = Line()
    line.valve.told = Flow(None, NOW, 0)

    assert (line.gauge.adjust(), line.valve.turned) == (START, [START])


def test_a_number_that_is_right_is_not_written_again():
    line = Line(waiting=0)

    assert (line.gauge.adjust(), line.valve.turned) == (40, [])


def test_jobs_that_wait_get_more_workers_and_jobs_that_came_back_fewer():
    calm, busy, worse = Line(), Line(), Line()
    busy.put_back(401)
    worse.put_back(401)
    worse.put_back(401, ago=2 * MINUTE)

    assert [each.gauge.adjust() for each in (calm, busy, worse)] == [80, 30, 20]


def test_what_came_back_in_this_minute_counts_when_it_is_over():
    line = Line(waiting=0)
    line.put_back(401, ago=0)

    assert line.gauge.adjust() == 40
    line.now += MINUTE
    assert line.gauge.adjust() == 30


def test_targets_that_are_left_alone_are_counted_once_each():
    model = a_model("chats", "script://a", "script://b", "script://c")
    line = Line(model)
    for target in model.targets[:2]:
        name = known_as(model.id, target.uri)
        line.targets.move(name, Breaker().opened(ModelNotReady("Starting."), NOW))

    assert line.gauge.broken() == 2


def test_the_quotas_of_models_that_chat_bound_the_workers():
    chats = with_quota(a_model("chats", "script://a", "script://b"), 600)
    embeds = msgspec.structs.replace(a_model("embeds", "script://c"), max_output_tokens=0, dimensions=1)

    assert Line(chats, embeds).gauge.adjust() == 2 * 20
    assert Line(chats, a_model("more", "script://d")).gauge.adjust() == 80


@pytest.mark.parametrize(("seconds", "workers"), [(300, 20), (10, 40)])
def test_a_target_that_is_away_bears_nothing_until_it_is_back(seconds, workers):
    model = with_quota(a_model("chats", "script://a", "script://b"), 600)
    line = Line(model)
    away = Breaker().opened(ModelNotReady("Starting.", retry_after_seconds=seconds), NOW)
    line.targets.move(known_as(model.id, model.targets[1].uri), away)

    assert line.gauge.adjust() == workers
    line.now += seconds + 1
    assert line.gauge.adjust() == 40


def test_a_job_that_nothing_could_answer_is_counted_when_it_is_put_back():
    stage = Stage(models={"a": Scripted(ModelThrottled("Busy.", retry_after_seconds=7))})
    turn.enqueue(an_ask(credential=stage.credential), stage.services)

    message, _ = stage.queue.waiting.popleft()
    work.complete(message, stage.services)

    assert list(stage.jobs.returns([int(NOW) // MINUTE])) == [1]
