"""What is said of a part that died."""

import sys

import pytest

from infra.local.children import Child
from infra.local.faults import DISK_FAULT
from tests.infra.runs import eventually

ROUTINE = '{"level":"INFO","message":"turn settled"}'


@pytest.fixture
def obituary(tmp_path, monkeypatch):
    """Start a child that writes `said` and ends with `code`; return what is said of it."""

    def start_and_bury(said, code=1):
        (tmp_path / "dying.py").write_text(f"import sys\nprint({said!r})\nsys.exit({code})\n")
        monkeypatch.syspath_prepend(tmp_path)
        child = Child("API", tmp_path / "api.log", grace_s=1)
        child.start("dying", [], {"PYTHONPATH": ":".join(sys.path)}, [])
        eventually(lambda: not child.alive)
        return child.obituary()

    return start_and_bury


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"ValueError: no\n{ROUTINE}\n", "ValueError: no"),
        (f'{{"level":"ERROR","message":"no"}}\n{ROUTINE}', '{"level":"ERROR","message":"no"}'),
        (f"{ROUTINE}\n[1]", "[1]"),
        (f'{ROUTINE}\n{{"level":"DEBUG"}}', "none"),
        ("", "none"),
    ],
)
def test_last_words_are_no_ordinary_log_line(obituary, said, words):
    assert f"the API ended with code 1; its last words: {words} (" in obituary(said)


def test_a_full_disk_is_named_whatever_the_log_had_room_for(obituary, tmp_path):
    assert f"the disk that holds {tmp_path} could not be written" in obituary("", DISK_FAULT)
