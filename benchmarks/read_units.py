"""Read units by DynamoDB's own rules: the emulator counts every read as one. 4 KB a unit, half where not strong."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

Item = Mapping[str, Mapping[str, Any]]

_UNIT_BYTES: Final = 4096
_NESTED: Final = 3  # bytes of a list or map, and 1 more for each member


def read_units(operation: str, request: Mapping[str, Any], reply: Mapping[str, Any]) -> float:
    """What a read of the product's is billed."""
    return _UNITS[operation](request, reply)


def item_bytes(item: Item) -> int:
    """The size of an item: its attributes' names and values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _get(request: Mapping[str, Any], reply: Mapping[str, Any]) -> float:
    return _units([reply.get("Item") or {}], strong=request.get("ConsistentRead", False))


def _query(request: Mapping[str, Any], reply: Mapping[str, Any]) -> float:
    """All items of a page are rounded together."""
    size = sum(map(item_bytes, reply["Items"]))
    return _rounded(size) * (1 if request.get("ConsistentRead", False) else 0.5)


def _batch(request: Mapping[str, Any], reply: Mapping[str, Any]) -> float:
    """Each item is rounded for itself; one that is not there counts as the smallest."""
    total = 0.0
    for table, wanted in request["RequestItems"].items():
        found = reply["Responses"].get(table, [])
        missing: list[Item] = [{}] * (len(wanted["Keys"]) - len(found))
        total += _units([*found, *missing], strong=wanted.get("ConsistentRead", False))
    return total


def _units(items: Iterable[Item], *, strong: bool) -> float:
    return sum(_rounded(item_bytes(item)) for item in items) * (1 if strong else 0.5)


def _rounded(size: int) -> int:
    return max(1, -(-size // _UNIT_BYTES))


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    return _SIZES[kind](content)


def _number_bytes(text: str) -> int:
    """A byte for two digits, and one more."""
    return len(text.lstrip("-").strip("0")) // 2 + 2


_SIZES: Final[dict[str, Callable[[Any], int]]] = {
    "S": lambda text: len(text.encode()),
    "B": len,
    "N": _number_bytes,
    "NS": lambda numbers: sum(map(_number_bytes, numbers)),
    "L": lambda members: _NESTED + sum(1 + _value_bytes(each) for each in members),
    "M": lambda members: _NESTED + len(members) + item_bytes(members),
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
}
_UNITS: Final[dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], float]]] = {
    "get_item": _get,
    "query": _query,
    "batch_get_item": _batch,
}
READS: Final = frozenset(_UNITS)
