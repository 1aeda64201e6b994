"""What `make redrive` is asked for."""

import pytest

from infra.key import Refused
from infra.redrive import RATE, Wish, line_of, shown, why_not, wish_of

TOO_OFTEN = {"Body": '{"job":"job_1","line":"acme"}', "MessageId": "m", "Attributes": {"ApproximateReceiveCount": "4"}}


@pytest.mark.parametrize(
    ("environ", "wish"),
    [
        ({}, Wish()),
        ({"DRY_RUN": "1", "RATE": "5"}, Wish(dry=True, rate=5)),
        ({"DRY_RUN": "", "FORCE": "true", "RATE": ""}, Wish(force=True, rate=RATE)),
        ({"DRY_RUN": "0", "FORCE": "0"}, Wish()),
    ],
)
def test_the_variables_say_what_is_wanted(environ, wish):
    assert wish_of(environ) == wish


@pytest.mark.parametrize("rate", ["0", "-1", "fast", "nan", "1e-320"])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(Refused, match="RATE"):
        wish_of({"RATE": rate})


@pytest.mark.parametrize("name", ["DRY_RUN", "FORCE"])
def test_a_word_that_is_neither_yes_nor_no_moves_nothing(name):
    with pytest.raises(Refused, match=f"{name} is 1 or 0, not 'perhaps'"):
        wish_of({name: "perhaps"})


def test_what_came_too_often_is_told_from_what_can_never_be_done():
    assert why_not(TOO_OFTEN) is None
    assert why_not({**TOO_OFTEN, "Body": "{"}) == "not a message of a version that is known"
    assert why_not({**TOO_OFTEN, "MessageAttributes": {"reason": {"StringValue": "too old"}}}) == "too old"


def test_a_message_is_shown_by_its_job_and_stays_in_its_line():
    assert shown(TOO_OFTEN) == "turn of job_1 (came too often; looked at 4 times)"
    assert (line_of(TOO_OFTEN), line_of({**TOO_OFTEN, "Body": "{"})) == ("acme", "unknown")
