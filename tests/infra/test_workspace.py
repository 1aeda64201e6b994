"""What `make run` keeps, and for whom."""

import shutil
from types import SimpleNamespace

import pytest

from infra.local.faults import CannotRun
from infra.local.workspace import Workspace, write_private


def test_a_disk_that_is_nearly_full_is_said_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))

    with pytest.raises(CannotRun, match="has 5 MB left and 104 are needed"):
        Workspace(tmp_path / "local").claim()


def test_a_secret_is_for_its_owner_alone_and_stays_the_same(tmp_path):
    pepper = Workspace(tmp_path).pepper()

    assert Workspace(tmp_path).pepper() == pepper
    assert (tmp_path / "pepper").stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "api-key"
    write_private(file, "old")

    with pytest.raises(TypeError):
        write_private(file, None)

    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
