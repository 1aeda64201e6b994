"""A disk that takes no more: nothing is acknowledged that the next start would not find."""

import asyncio
import errno
import os
import resource
import signal
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException

import pytest
from ministack.services import dynamodb

from infra.local.faults import DISK_FAULT
from infra.local.recorder import Recorder
from infra.local.snapshots import Snapshots
from tests.infra.runs import PATIENCE_S

TABLE = {"TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/t"}

limits = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")


class Ended(BaseException):
    """Stands for the end of the process."""


def refuse(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def end(code):
    raise Ended(code)


def newest_journal(directory):
    return max(directory.glob("journal-*"))


def fill_disk(pid, room):
    """Let the process `pid` write no file beyond `room` bytes."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, room))


@pytest.fixture
def recorder(tmp_path, monkeypatch):
    """A recorder whose emulator stores an item for PutItem, and a table for anything else; its disk is full."""

    async def handle(_method, _path, headers, _body, _query):
        if headers["x-amz-target"].endswith("PutItem"):
            dynamodb._set_item(TABLE, "a", "__no_sort__", {"pk": {"S": "a"}})
        return 200, {}, b"{}"

    monkeypatch.setattr(dynamodb, "_set_item", lambda *_: None)
    monkeypatch.setattr(dynamodb, "_remove_item", lambda *_: {"pk": {"S": "a"}})
    monkeypatch.setattr(dynamodb, "handle_request", handle)
    recorder = Recorder(Snapshots(tmp_path), refuse)
    recorder.attach()
    monkeypatch.setattr(os, "write", refuse)
    monkeypatch.setattr(os, "_exit", end)
    return recorder


@pytest.mark.parametrize("action", ["PutItem", "CreateTable"])
@pytest.mark.usefixtures("recorder")
def test_a_request_that_no_file_has_gets_no_answer(action):
    request = ("POST", "/", {"x-amz-target": f"DynamoDB_20120810.{action}"}, b"", {})

    with pytest.raises(Ended, match=str(DISK_FAULT)):
        asyncio.run(dynamodb.handle_request(*request))


@pytest.mark.usefixtures("recorder")
def test_an_expiry_that_no_file_has_ends_the_emulator_too():
    with pytest.raises(Ended, match=str(DISK_FAULT)):
        dynamodb._remove_item(TABLE, "a", "__no_sort__")


@limits
def test_a_run_with_a_full_disk_ends_and_names_the_disk(start):
    run = start().until_ready()
    run.ask("PUT", "/notes/before", {"text": "kept"})
    journal = newest_journal(run.directory / "aws")
    room = journal.stat().st_size + 20
    fill_disk(run.children()["emulator"], room)

    answer = None
    with suppress(HTTPException, ConnectionError):  # the run may end before its API does
        answer = run.ask("PUT", "/notes/after", {"text": "lost " * 20})

    code, said = run.end()
    assert (code, said.count("\n")) == (1, 1)
    assert answer is None or answer[0] == HTTPStatus.INTERNAL_SERVER_ERROR
    assert said.startswith("make run: the emulator stopped, and acknowledged nothing after that: the disk that holds")
    assert str(run.directory) in said
    assert "cannot be written: File too large" in (run.directory / "emulator.log").read_text()
    assert newest_journal(run.directory / "aws") == journal
    again = start().until_ready()
    assert [again.ask("GET", f"/notes/{name}")[1]["text"] for name in ("before", "after")] == ["kept", None]


@limits
def test_a_last_snapshot_that_finds_no_room_leaves_the_journal_in_force(start):
    run = start().until_ready()
    run.ask("PUT", "/notes/before", {"text": "kept"})
    journal = newest_journal(run.directory / "aws")
    fill_disk(run.children()["emulator"], journal.stat().st_size + 20)

    run.process.send_signal(signal.SIGTERM)

    assert run.process.wait(PATIENCE_S) == 0
    assert run.end() == (0, "")
    assert sorted(path.name for path in journal.parent.iterdir()) == sorted(
        [journal.name, journal.name.replace("journal", "state"), "lock"]
    )
    assert start().until_ready().ask("GET", "/notes/before") == (200, {"text": "kept"})
