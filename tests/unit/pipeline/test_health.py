"""How the gateway is: its dependencies, and its targets as all processes know them."""

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Target, known_as
from chalicelib.domain.errors import Misconfigured, ModelThrottled, StoreUnavailable
from chalicelib.pipeline.health import Health
from tests.builders import NOW, a_catalogue, a_model

SECOND = Target("openai+https://ada:secret@host/v1?key=hidden", tier=1)
MODEL = a_model(targets=(Target("simulated://echo"), SECOND))


class Unreachable:
    """Targets whose table does not answer."""

    def breakers(self, names):
        raise StoreUnavailable("batch_get_item failed")


def health(targets=None, *, now=NOW, **probes):
    return Health(probes, a_catalogue(MODEL), targets or MemoryTargets(Shelf()), lambda: now)


def test_each_dependency_says_how_it_is():
    def fails():
        raise StoreUnavailable("get_item failed: ThrottlingException")

    def is_wrong():
        raise Misconfigured("no table")

    checked = health(well=dict, down=fails, wrong=is_wrong).check()

    assert checked == {"well": "ok", "down": "get_item failed: ThrottlingException", "wrong": "no table"}


def test_a_target_that_nobody_complained_of_is_up():
    told = health().targets()

    assert [(each.model, each.state, each.until, each.failures) for each in told] == [("small", "up", None, 0)] * 2


def test_a_target_is_told_without_its_secrets():
    told = health().targets()

    assert [(each.target, each.tier) for each in told] == [("simulated://echo", 0), ("openai+https://host/v1", 1)]


def test_a_target_that_is_left_alone_says_why_and_until_when_and_then_is_tried():
    targets = MemoryTargets(Shelf())
    fault = ModelThrottled("too many", retry_after_seconds=20)
    targets.move(known_as(MODEL.id, SECOND.uri), Breaker().opened(fault, NOW))

    now, later = (health(targets, now=moment).targets()[1] for moment in (NOW + 19, NOW + 20))

    assert (now.state, now.until, now.failures, now.reason) == ("resting", NOW + 20, 1, "throttled")
    assert (later.state, later.until) == ("probing", None)


def test_no_target_is_told_while_nobody_can_know():
    assert health(Unreachable()).targets() == ()
