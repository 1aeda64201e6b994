"""Threads that use a type for the first time at once crash msgspec, and with it the process."""

import subprocess
import sys

from tests.infra.runs import ROOT

CODE = """
import sys, threading
from typing import Annotated
import msgspec
from infra.local.types import PACKAGES, learn

part = list[Annotated[int | str | None, msgspec.Meta(description="x")]] | None
fields = [(f"f{number}", part, None) for number in range(30)]
kinds = [msgspec.defstruct(f"S{number}", fields) for number in range(200)]
learn(*PACKAGES)
sys.setswitchinterval(1e-6)
for kind in kinds:
    ready = threading.Barrier(8)
    def decode():
        ready.wait()
        msgspec.json.decode(b'{"f29": [1, "a"]}', type=kind)
    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
assert "chalicelib.adapters.models.openai_wire" in sys.modules
"""


def test_threads_may_decode_any_type_at_once_after_it_was_learned():
    ran = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
