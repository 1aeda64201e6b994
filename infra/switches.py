"""Variables that say yes or no: another word is neither, and must not begin what it was to hold back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from chalicelib.settings import boolean

_MOST_SHOWN: Final = 40


def switched(environ: Mapping[str, str], name: str) -> bool:
    """Whether a variable says yes, in the words of a setting; ValueError where it says neither yes nor no."""
    said = environ.get(name, "").strip()
    return bool(said) and boolean(said)


def switch_faults(environ: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    """A sentence for each that says neither."""
    for name in names:
        try:
            switched(environ, name)
        except ValueError:
            yield f"{name} is 1 or 0, not {shortened(environ[name])!r}"


def shortened(text: str) -> str:
    """As much of what somebody said as tells them what they said."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
