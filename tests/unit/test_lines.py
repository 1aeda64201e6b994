"""What is told in the log, as it is written."""

import io
import json
import logging

import pytest

from chalicelib.lines import Lines


@pytest.fixture
def written():
    said, lines = io.StringIO(), Lines()
    handler = logging.getLogger("tidegate").handlers[0]
    kept, level = handler.setStream(said), logging.getLogger("tidegate").level
    yield lines, lambda: [json.loads(line) for line in said.getvalue().splitlines()]
    handler.setStream(kept)
    Lines(logging.getLevelName(level))


def test_a_line_has_its_level_its_time_and_its_fields(written):
    lines, told = written

    lines.error("refused", extra={"request_id": "r-1", "way": None}, status=404, words={"ä": [1, "\n"]})

    (line,) = told()
    assert line.pop("timestamp")[10:11] + line["level"] == " ERROR"
    assert line == {
        "level": "ERROR",
        "message": "refused",
        "service": "tidegate",
        "status": 404,
        "words": {"ä": [1, "\n"]},
        "request_id": "r-1",
    }


def test_below_its_level_the_whole_process_is_silent(written):
    lines, told = written
    Lines("WARNING")

    lines.info("turn")
    lines.warning("unmetered")

    assert [line["message"] for line in told()] == ["unmetered"]


def test_a_line_says_which_trace_it_is_of(written, monkeypatch):
    lines, told = written
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5e1b4151-5ac6c58f;Parent=53995c3f42cd8ad8;Sampled=1")

    lines.info("turn")

    assert told()[0]["xray_trace_id"] == "1-5e1b4151-5ac6c58f"
