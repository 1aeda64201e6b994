"""Tables in memory, in partitions, with indexes that lag; their keys are read from the template."""

from tests.contract.stores import template_tables
from tests.simulation.expressions import Refused, number

STAGE = "simulated"


class Shape:
    """What the template says of a table or an index: the attributes of its key; what an index copies, None for all."""

    def __init__(self, name, schema, copied=None):
        self.name = name
        attributes = {each["KeyType"]: each["AttributeName"] for each in schema}
        self.partition = attributes["HASH"]
        self.sort = attributes.get("RANGE")
        self.key = tuple(filter(None, (self.partition, self.sort)))
        self.copied = copied


def _shapes():
    found = []
    for table in template_tables(STAGE):
        own = Shape(table["TableName"], table["KeySchema"])
        indexes = []
        for each in table.get("GlobalSecondaryIndexes", ()):
            projection = each["Projection"]
            copied = (
                None if projection["ProjectionType"] == "ALL" else {*own.key, *projection.get("NonKeyAttributes", ())}
            )
            indexes.append(Shape(each["IndexName"], each["KeySchema"], copied))
        found.append((own, indexes))
    return found


SHAPES = _shapes()


class Index:
    """Projected items by partition, as far as they have arrived; the rest waits in `coming`, in order."""

    def __init__(self, shape, table):
        self.shape = shape
        self.key = shape.key
        self.copied = None if shape.copied is None else shape.copied | set(shape.key)
        self.partition, self.sort = shape.key
        self.table = table
        self.partitions = {}
        self.coming = []

    def follow(self, name, old, new):
        """Note what a write to the table means here."""
        partition = self.partition
        if (old is None or partition not in old) and (new is None or partition not in new):
            return
        before, after = self._projected(old), self._projected(new)
        if before != after:
            self.coming.append((name, before, after))

    def catch_up(self, count):
        """Let the oldest `count` of the writes arrive."""
        for name, before, after in self.coming[:count]:
            if before is not None:
                del self.partitions[before[self.partition]["S"]][name]
            if after is not None:
                self.partitions.setdefault(after[self.partition]["S"], {})[name] = after
        del self.coming[:count]

    def _projected(self, item):
        if item is None or self.partition not in item or self.sort not in item:
            return None
        if self.copied is None:
            return item
        return {name: value for name, value in item.items() if name in self.copied}


class Table:
    """Items by partition and sort key; "" is the sort key of a table that has none."""

    def __init__(self, shape, indexes):
        self.shape = shape
        self.name = shape.name
        self.key = shape.key
        self.sort = shape.sort
        self.partitions = {}
        self.indexes = {each.name: Index(each, self) for each in indexes}

    def place(self, key):
        """Where an item is: its partition and sort key."""
        try:
            return key["pk"]["S"], key["sk"]["S"] if self.sort else ""
        except KeyError:
            raise Refused(f"{key} lacks a part of its key") from None

    def get(self, place):
        partition = self.partitions.get(place[0])
        return partition.get(place[1]) if partition is not None else None

    def set(self, place, old, new):
        """Put `new` where `old` was; None is no item."""
        if new is not None:
            partition = self.partitions.get(place[0])
            if partition is None:
                partition = self.partitions[place[0]] = {}
            partition[place[1]] = new
        elif old is not None:
            del self.partitions[place[0]][place[1]]
        for index in self.indexes.values():
            index.follow(place, old, new)


def ordered(shape, items, *, forward):
    """`items` of one partition in the order of a sort key; those of an index that are equal by their own key."""
    return sorted(items, key=lambda item: _rank(shape, item), reverse=not forward)


def _rank(shape, item):
    own = (item["pk"]["S"], item["sk"]["S"] if "sk" in item else "")
    if shape.sort is None:
        return own
    ((kind, content),) = item[shape.sort].items()
    return (number(content) if kind == "N" else content, *own)
