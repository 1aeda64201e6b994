"""Variables that say yes or no: another word is neither, and must not begin what it was to hold back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"", "0", "false", "no", "off"})
_MOST_SHOWN: Final = 40


def switched(environ: Mapping[str, str], name: str) -> bool:
    """Whether a variable says yes."""
    return environ.get(name, "").strip().lower() in _YES


def switch_faults(environ: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    """A sentence for each that says neither yes nor no."""
    for name in names:
        if (said := environ.get(name, "")).strip().lower() not in _YES | _NO:
            yield f"{name} is 1 or 0, not {shortened(said)!r}"


def shortened(text: str) -> str:
    """As much of what somebody said as tells them what they said."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
