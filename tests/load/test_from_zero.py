"""An endpoint on SageMaker that starts from no copy: jobs wait for it, or go to a dearer tier in time."""

from dataclasses import replace

import msgspec
import pytest

from chalicelib.adapters.models.sagemaker import open_sagemaker
from chalicelib.domain.catalogue import Target
from chalicelib.domain.chat import Image, ImageUrl, User
from chalicelib.domain.errors import ModelUnavailable
from chalicelib.domain.outcomes import Done, outcome_of
from chalicelib.pipeline import turn, work
from tests.builders import NOW, a_catalogue, a_model, a_request, an_ask
from tests.unit.pipeline.stage import HELLO, Scripted, Stage
from tests.upstreams.sagemaker_server import Reply, SageMakerServer
from tests.upstreams.targets import sagemaker_at

NO_COPY = Reply(
    status=400,
    error="ValidationError",
    fields={"Message": "Inference Component has no capacity to process this request. ApplicationAutoScaling may be …"},
)
STARTING_SECONDS = 300
LONGEST_PAUSE = 30  # between two tries of a breaker


class Endpoint:
    """The replies of a component that is up from a moment on."""

    def __init__(self, clock, up_at):
        self.clock = clock
        self.up_at = up_at
        self.broken = False

    def __bool__(self):
        return True

    def popleft(self):
        if self.broken:
            return Reply(cut_after=0)
        return Reply() if self.clock() >= self.up_at else NO_COPY


class Plant:
    """A line before an endpoint at zero, and perhaps a second tier; time passes by the delays of messages alone."""

    def __init__(self, server, uri):
        self.server = server
        self.dear = Scripted(*HELLO)
        self.stage = Stage(models={"dear": self.dear})
        self.stage.models["cheap"] = open_sagemaker(uri)
        self.up_after(STARTING_SECONDS)

    def up_after(self, seconds):
        self.endpoint = self.server.replies = Endpoint(lambda: self.stage.now, NOW + seconds)

    def offer(self, *dear, **fields):
        """The endpoint for every model, and these targets beside it."""
        cheap = Target("script://cheap", capabilities=frozenset())
        model = msgspec.structs.replace(a_model("small", **fields), targets=(cheap, *dear))
        gate = replace(self.stage.services.gate, catalogue=a_catalogue(model))
        self.stage.services = replace(self.stage.services, gate=gate)
        return self

    def line_up(self, request=None, number=1):
        ask = an_ask(credential=self.stage.credential, turn_id=f"t-{number}", request=request or a_request())
        return turn.enqueue(ask, self.stage.services)

    def next_try(self):
        """Bring the next message when it is due; how the job stands after it."""
        message, delay = self.stage.queue.waiting.popleft()
        self.stage.now += delay
        work.complete(message, self.stage.services)
        return self.stage.lane.standing(self.stage.jobs.get(message.job))

    def work_off(self):
        """Bring messages until there are none; how the job stood after each."""
        stood = []
        while self.stage.queue.waiting:
            stood.append(self.next_try())
        return stood

    def waited(self):
        return self.stage.now - NOW


SECOND = Target("script://dear", tier=1)


@pytest.fixture
def plant(monkeypatch):
    with SageMakerServer() as server:
        yield Plant(server, sagemaker_at(server, monkeypatch))


def answer_of(plant, job):
    ended = plant.stage.jobs.get(job.id)
    outcome = outcome_of(ended)
    assert ended.state == "completed"
    assert isinstance(outcome, Done)
    return outcome.head.target


def test_a_job_waits_while_the_endpoint_starts_says_so_and_is_done_when_it_is_up(plant):
    job = plant.offer().line_up()

    *waiting, done = plant.work_off()

    assert {each.job.state for each in waiting} == {"queued"}
    assert all(1 <= each.eta_seconds <= LONGEST_PAUSE for each in waiting)
    assert waiting[-1].eta_seconds > waiting[0].eta_seconds
    assert (done.job.state, done.eta_seconds) == ("completed", 0)
    assert STARTING_SECONDS <= plant.waited() <= STARTING_SECONDS + LONGEST_PAUSE
    assert len(plant.server.requests) <= 20
    assert (answer_of(plant, job), plant.stage.jobs.get(job.id).attempt) == ("script://cheap", 1)


def test_with_another_tier_it_spills_at_once(plant):
    job = plant.offer(SECOND).line_up()

    plant.work_off()

    assert (answer_of(plant, job), plant.waited()) == ("script://dear", 0)


def test_a_job_holds_out_for_the_lowest_tier_if_the_catalogue_says_so(plant):
    job = plant.offer(SECOND, wait_for_tier_seconds=900).line_up()

    plant.work_off()

    assert answer_of(plant, job) == "script://cheap"
    assert STARTING_SECONDS <= plant.waited() <= STARTING_SECONDS + LONGEST_PAUSE
    assert plant.dear.requests == []


@pytest.mark.parametrize("seconds", [7, 60, 100])
def test_it_spills_when_its_patience_ends_and_no_later(plant, seconds):
    job = plant.offer(SECOND, wait_for_tier_seconds=seconds).line_up()

    plant.work_off()

    assert (answer_of(plant, job), plant.waited()) == ("script://dear", seconds)


def test_it_spills_while_somebody_still_waits_for_it(plant):
    plant.up_after(1_000_000)
    job = plant.offer(SECOND, wait_for_tier_seconds=1_000_000).line_up()

    plant.work_off()

    assert answer_of(plant, job) == "script://dear"
    assert plant.stage.now < job.until


def test_a_caller_who_waits_now_is_not_made_to_hold_out(plant):
    plant.offer(SECOND, wait_for_tier_seconds=900)

    answered = turn.answer(an_ask(credential=plant.stage.credential), plant.stage.services)

    assert answered.head.target == "script://dear"


def test_a_listener_on_a_connection_is_not_made_to_hold_out(plant):
    job = plant.offer(SECOND, wait_for_tier_seconds=900).line_up()
    plant.stage.jobs.follow(job.id, "connection-1", 0)

    plant.work_off()

    assert (answer_of(plant, job), plant.waited()) == ("script://dear", 0)


def test_a_target_that_breaks_is_not_waited_for(plant):
    plant.endpoint.broken = True
    job = plant.offer(SECOND, wait_for_tier_seconds=900).line_up()

    plant.work_off()

    assert (answer_of(plant, job), plant.waited()) == ("script://dear", 0)


def test_what_only_a_higher_tier_can_do_does_not_wait_for_a_lower_one(plant):
    picture = User((Image(ImageUrl("https://example.com/a")),))
    job = plant.offer(SECOND, wait_for_tier_seconds=900).line_up(a_request(picture))

    plant.work_off()

    assert (answer_of(plant, job), plant.waited()) == ("script://dear", 0)


def test_a_higher_tier_that_fails_after_the_lower_one_broke_fails_the_job(plant):
    plant.endpoint.broken, plant.dear.pieces = True, (ModelUnavailable("Broke."),)
    job = plant.offer(SECOND, wait_for_tier_seconds=900).line_up()

    plant.work_off()

    assert plant.stage.jobs.get(job.id).state == "failed"
