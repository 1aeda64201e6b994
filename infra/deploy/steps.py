"""What a deployment is made of: steps that look, say what they would change, and change it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

Say = Callable[[str], None]


class Change(Struct, frozen=True):
    """One thing that differs: what it is now, and what it will be."""

    what: str
    now: str
    then: str

    def __str__(self) -> str:
        """Show it in a line."""
        return f"{self.what}: {self.now} -> {self.then}"


class Step(Protocol):
    """A part of a deployment. Cut anywhere, it is completed when it is run again."""

    @property
    def title(self) -> str:
        """What it sees to, for a person."""

    def changes(self) -> Sequence[Change]:
        """What differs; nothing is changed by asking. Where what it needs is not there yet, all of it differs."""

    def apply(self, say: Say) -> None:
        """Make it so."""
