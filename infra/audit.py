"""Asks for known faults of what is deployed, and says so where nobody could be asked: silence is no clean bill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

COMMAND: Final = (
    sys.executable,
    "-m",
    "pip_audit",
    "--requirement",
    "requirements.txt",
    "--require-hashes",
    "--disable-pip",
)
SECONDS: Final = 120


class Advisory(Struct, frozen=True):
    """A fault that somebody published, and the versions without it."""

    id: str
    fix_versions: tuple[str, ...] = ()


class Audited(Struct, frozen=True):
    """What is known of a package; `skip_reason` where nothing could be asked."""

    name: str
    version: str = ""
    vulns: tuple[Advisory, ...] = ()
    skip_reason: str | None = None


class Answer(Struct, frozen=True):
    """What pip-audit prints."""

    dependencies: tuple[Audited, ...]


def asked() -> Answer | None:
    """What pip-audit says of the lock; None where it says nothing."""
    try:
        done = subprocess.run((*COMMAND, "--format", "json"), capture_output=True, timeout=SECONDS, check=False)
        return msgspec.json.decode(done.stdout, type=Answer)
    except (subprocess.TimeoutExpired, msgspec.DecodeError):
        return None


def verdict(every: Sequence[Audited]) -> tuple[int, str]:
    """The exit code, and the words for it."""
    faulty = [each for each in every if each.vulns]
    skipped = [each for each in every if each.skip_reason is not None]
    if faulty:
        return 1, "\n".join(f"{each.name} {each.version}: {_words(each.vulns)}" for each in faulty)
    if len(skipped) == len(every):
        return 0, "audit: no advisory service could be reached: nothing was looked up."
    missed = f"; not looked up: {', '.join(each.name for each in skipped)}" if skipped else ""
    return 0, f"audit: {len(every) - len(skipped)} packages, no known fault{missed}."


def _words(advisories: Sequence[Advisory]) -> str:
    return ", ".join(
        f"{each.id} (mended in {' or '.join(each.fix_versions) or 'no version yet'})" for each in advisories
    )


def main() -> int:
    """Ask and tell."""
    answer = asked()
    code, words = verdict(answer.dependencies if answer else ())
    print(words, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
