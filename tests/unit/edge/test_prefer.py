"""What callers say of waiting, well or badly."""

import pytest

from chalicelib.domain.errors import BadRequest
from chalicelib.domain.turn import Prefer
from chalicelib.edge.prefer import MOST_WAIT, prefer_of


@pytest.mark.parametrize(
    ("header", "preference"),
    [
        ("", Prefer()),
        ("respond-async", Prefer(respond_async=True)),
        ("RESPOND-ASYNC", Prefer(respond_async=True)),
        ("handling=strict, respond-async", Prefer(respond_async=True)),
        ("respond-async; of=another", Prefer(respond_async=True)),
        ("wait=5", Prefer(wait_seconds=5)),
        ('wait = "5"; of=another', Prefer(wait_seconds=5)),
        ("wait=5, wait=7", Prefer(wait_seconds=5)),
        ("respond-async, wait=0", Prefer(respond_async=True, wait_seconds=0)),
        (f"wait={'9' * 99}", Prefer(wait_seconds=MOST_WAIT)),
        (",;,=,", Prefer()),
    ],
)
def test_a_preference_is_taken_from_what_is_said(header, preference):
    assert prefer_of(header) == preference


@pytest.mark.parametrize("value", ["", "abc", "-1", "1e3", "9" * 5_000, "1\u00ff"])
def test_a_wait_that_is_no_number_of_seconds_is_refused(value):
    with pytest.raises(BadRequest):
        prefer_of(f"wait={value}")
