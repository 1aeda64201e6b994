"""What the log may have of what was said."""

import pytest

from chalicelib.adapters.telemetry.powertools import PowertoolsMeter
from chalicelib.domain.chat import Image, ImageUrl, Text

KEY = "tg_live_" + "a" * 60
PARTS = (Text(text="What is a tide? "), Image(image_url=ImageUrl(url="data:,")), Text(text="My key is " + KEY))


class Unreadable(tuple):
    __slots__ = ()

    def __iter__(self):
        raise AssertionError("it was read")


def test_of_parts_the_log_has_the_text_redacted():
    words = PowertoolsMeter(metrics=False, words=True).words(PARTS)

    assert words.startswith("What is a tide? My key is ")
    assert KEY not in words


@pytest.mark.parametrize("said", [None, "", (Image(image_url=ImageUrl(url="data:,")),)])
def test_what_has_no_text_is_not_there(said):
    assert PowertoolsMeter(metrics=False, words=True).words(said) is None


def test_where_prompts_are_not_logged_nothing_is_put_together():
    assert PowertoolsMeter(metrics=False).words(Unreadable(PARTS)) is None
