"""What is read back after a process died while it wrote."""

import errno
import os

import pytest

from infra.local.journal import Journal
from infra.local.snapshots import Snapshots

PUT = ("arn:aws:dynamodb:us-east-1:000000000000:table/t", "a", "__no_sort__", {"pk": {"S": "a"}})
DELETE = ("arn:aws:dynamodb:us-east-1:000000000000:table/t", "a", "__no_sort__", None)


def changes_in(journal):
    return [tuple(change) for change in journal.replay()]


def test_changes_come_back_in_the_order_in_which_they_were_made(tmp_path):
    journal = Journal(tmp_path / "journal")
    journal.append([PUT])
    journal.append([DELETE, PUT])

    assert changes_in(Journal(tmp_path / "journal")) == [PUT, DELETE, PUT]


@pytest.mark.parametrize("kept", range(1, 12))
def test_a_request_that_was_half_written_is_forgotten_whole(tmp_path, kept):
    journal = Journal(tmp_path / "journal")
    journal.append([PUT])
    end = journal.size_bytes
    journal.append([DELETE, PUT])
    os.truncate(journal.path, end + kept * 10)

    reopened = Journal(journal.path)

    assert changes_in(reopened) == [PUT]
    reopened.append([DELETE])
    assert changes_in(Journal(journal.path)) == [PUT, DELETE]


def test_a_write_that_the_disk_refuses_leaves_no_half_line(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "journal")
    journal.append([PUT])
    write = os.write
    room = [7]

    def write_until_full(descriptor, content):
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, bytes(content)[: room.pop()])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write_until_full)
        with pytest.raises(OSError, match="No space left"):
            journal.append([DELETE])
    journal.append([DELETE, PUT])

    assert changes_in(Journal(tmp_path / "journal")) == [PUT, DELETE, PUT]


def test_a_snapshot_begins_a_journal_of_its_own(tmp_path):
    snapshots = Snapshots(tmp_path)
    snapshots.journal.append([PUT])

    snapshots.save(lambda fresh: (fresh / "dynamodb.json").write_text("{}"), "template-1")

    reopened = Snapshots(tmp_path)
    assert (reopened.read_mark(), changes_in(reopened.journal)) == ("template-1", [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal-1", "state-1"]


def test_a_snapshot_that_fails_leaves_the_one_before_and_its_journal(tmp_path):
    snapshots = Snapshots(tmp_path)
    snapshots.save(lambda fresh: (fresh / "dynamodb.json").write_text("old"), "template-1")
    snapshots.journal.append([PUT])

    def fail(fresh):
        (fresh / "dynamodb.json").write_text("half of the n")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        snapshots.save(fail, "template-2")

    snapshots.journal.append([DELETE])
    reopened = Snapshots(tmp_path)
    assert (reopened.path / "dynamodb.json").read_text() == "old"
    assert (reopened.read_mark(), changes_in(reopened.journal)) == ("template-1", [PUT, DELETE])
