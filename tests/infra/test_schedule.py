"""What the app has on a schedule is called on this machine too."""

import threading

import pytest
from chalice.app import Chalice

from app import app as product
from infra.local import schedule
from tests.infra.runs import eventually


def an_app(expression="rate(1 minute)", *, fault=None):
    app, events = Chalice("timed"), []

    @app.schedule(expression, name="tick")
    def tick(event):
        events.append(event)
        if fault:
            raise fault

    return app, events


def test_the_product_sweeps_every_minute_and_learns_every_ten():
    rates = {each.name: each.every_s for each in schedule.scheduled(product)}

    assert rates == {"sweep": 60, "refit": 600}


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(2 hours)", 7_200), ("rate(1 day)", 86_400)],
)
def test_a_rate_is_so_many_seconds(expression, seconds):
    (found,) = schedule.scheduled(an_app(expression)[0])

    assert found.every_s == seconds


@pytest.mark.parametrize("expression", ["cron(0 12 * * ? *)", "rate(minute)", "rate(1 week)", ""])
def test_another_schedule_is_said(expression):
    with pytest.raises(ValueError, match="only rates"):
        schedule.scheduled(an_app(expression)[0])


def test_a_function_gets_the_event_that_eventbridge_sends():
    app, events = an_app()
    (found,) = schedule.scheduled(app)

    found.call()

    (event,) = events
    assert event.to_dict()["detail-type"] == "Scheduled Event"
    assert event.context.get_remaining_time_in_millis() > 50_000


def test_a_function_that_failed_is_called_again(caplog):
    app, events = an_app(fault=RuntimeError("broken"))
    (found,) = schedule.scheduled(app)
    found.every_s = 0.01
    stop = threading.Event()
    thread = threading.Thread(target=found.repeat, args=(stop,))

    thread.start()
    assert eventually(lambda: len(events) > 2)
    stop.set()
    thread.join(5)

    assert not thread.is_alive()
    assert "the scheduled function 'tick' failed" in caplog.text


def test_nothing_is_called_before_its_time():
    app, events = an_app()
    stop = threading.Event()

    schedule.begin(app, stop)
    stop.set()

    assert events == []
