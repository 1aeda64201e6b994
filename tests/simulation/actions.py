"""Requests that write one item: their expressions compiled once, and what each makes of an item."""

from tests.simulation.expressions import SETS, Parser, Refused, comparable, number

CONDITIONAL = {
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
}
FIELDS = {
    "Put": CONDITIONAL | {"Item"},
    "Update": CONDITIONAL | {"Key", "UpdateExpression"},
    "Delete": CONDITIONAL | {"Key"},
    "ConditionCheck": CONDITIONAL | {"Key"},
}
NOTHING = {}
MOST_COMPILED = 20_000

_compiled = {}


class Compiled:
    """The expressions of one request: `condition` may be None, `clauses` are those of an update."""

    def __init__(self, condition, update, names):
        parsers = []
        self.condition = None
        self.clauses = {}
        if condition is not None:
            parsers.append(Parser(condition, names))
            self.condition = parsers[-1].condition()
        if update is not None:
            parsers.append(Parser(update, names))
            self.clauses = parsers[-1].update()
        self.values = frozenset().union(*(parser.values_used for parser in parsers))
        if unused := set(names).difference(*(parser.names_used for parser in parsers)):
            raise Refused(f"no expression uses {unused}")
        self.sets = tuple(self.clauses.get("SET", ()))
        self.removes = tuple(path for path, _ in self.clauses.get("REMOVE", ()))
        self.adds = tuple(self.clauses.get("ADD", ()))
        self.deletes = tuple(self.clauses.get("DELETE", ()))
        self.paths = frozenset(path for parts in self.clauses.values() for path, _ in parts)


def compiled(request):
    """The request's expressions, from the cache where their text was seen."""
    names = request.get("ExpressionAttributeNames") or NOTHING
    condition, update = request.get("ConditionExpression"), request.get("UpdateExpression")
    key = (condition, update, tuple(names.items())) if names else (condition, update)
    found = _compiled.get(key)
    if found is None:
        if len(_compiled) > MOST_COMPILED:
            _compiled.clear()
        found = _compiled[key] = Compiled(condition, update, names)
    return found


def updated(expressions, item, values):
    """`item` as the update leaves it; every operand is read from the item as it was."""
    made = dict(item)
    _add(expressions.adds, item, values, made)
    for path, evaluate in expressions.sets:
        if (value := evaluate(item, values)) is None:
            raise Refused(f"{path} is set to an attribute that is not there")
        made[path] = value
    for path in expressions.removes:
        made.pop(path, None)
    for path, value in expressions.deletes:
        _take_out(made, path, values[value])
    return made


def _add(adds, item, values, made):
    for path, value in adds:
        old, added = item.get(path), values[value]
        if old is None:
            made[path] = _sum(None, added)
            continue
        try:
            made[path] = {"N": str(int(old["N"]) + int(added["N"]))}
        except (KeyError, ValueError):  # no integers: rare, so that asking first would cost more
            made[path] = _sum(old, added)


def _sum(old, added):
    if "N" in added:
        if old is None:
            return added
        if "N" in old:
            return {"N": str(number(old["N"]) + number(added["N"]))}
    (kind,) = added
    if kind not in SETS or (old is not None and kind not in old):
        raise Refused(f"ADD takes a number or a set, and the same as before: {old} + {added}")
    return {kind: list(dict.fromkeys([*(old or {kind: []})[kind], *added[kind]]))}


def _take_out(made, path, taken):
    (kind,) = taken
    if kind not in SETS or (path in made and kind not in made[path]):
        raise Refused(f"DELETE takes a set: {taken}")
    gone = comparable(taken)[1]
    left = [each for each in made.get(path, {kind: []})[kind] if (number(each) if kind == "NS" else each) not in gone]
    if left:
        made[path] = {kind: left}
    else:
        made.pop(path, None)
