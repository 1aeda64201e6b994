"""What Chalice cannot set: each setting is read, compared with what is wanted, and written only where it differs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from infra.deploy.inventory import Finder, Inventory
from infra.deploy.steps import Change, Say

_MOST_SHOWN: Final = 60
_HEAD: Final = 15
_TAIL: Final = 40

Values = Mapping[str, Any]


class Setting(Struct, frozen=True, kw_only=True):
    """One thing in AWS: `read` says it in the words of `wanted`, nothing where it is absent; `write` makes it so."""

    what: str
    wanted: Values
    read: Callable[[], Values]
    write: Callable[[], None]

    def change(self) -> Change | None:
        """What differs, or None."""
        now = self.read()
        differing = [name for name in self.wanted if now.get(name) != self.wanted[name]]
        if not differing:
            return None
        return Change(self.what, _said(now, differing) if now else "absent", _said(self.wanted, differing))


class Settings:
    """A step: the settings of a stage, in their order; they are named once Chalice has made what they are of."""

    title = "what Chalice cannot set"

    def __init__(
        self,
        finder: Finder,
        settings: Callable[[Inventory], Sequence[Setting]],
        stays: Callable[[Inventory], bool],
    ) -> None:
        self._finder = finder
        self._settings = settings
        self._stays = stays

    def changes(self) -> Sequence[Change]:
        inventory = self._finder.find()
        differing = [change for each in self._settings(inventory) if (change := each.change()) is not None]
        if differing or self._stays(inventory):
            return differing
        return [Change("settings of the REST API", "there", "set once more: Chalice makes the API anew")]

    def apply(self, say: Say) -> None:
        for each in self._settings(self._finder.find()):
            change = each.change()
            if change is not None:
                each.write()
                say(str(change))


def _said(values: Values, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {_short(str(values.get(name, '-')))}" for name in names)


def _short(text: str) -> str:
    """What two long values differ in is at their ends."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_HEAD]}…{text[-_TAIL:]}"
