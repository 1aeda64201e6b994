"""DynamoDB's expression language, as much of it as a ledger needs: parsed once a text, then run as closures.

What is not known here is refused, never guessed: `Refused` is no error that the product could catch by accident.
"""

import operator
import re
from decimal import Decimal

TOKEN = re.compile(r"\s*(?:(?P<word>[:#][A-Za-z0-9_]+|[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><>|<=|>=|[=<>(),+-]))")
ORDERINGS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")
SETS = {"SS", "NS", "BS"}
KEYWORDS = {"AND", "OR", "NOT", "IN", "BETWEEN", *CLAUSES}


class Refused(Exception):
    """What DynamoDB answers with ValidationException, or what this model does not know."""


def number(text):
    """The value of an `N`: nearly always an integer."""
    try:
        return int(text)
    except ValueError:
        return Decimal(text)


def comparable(value):
    """A typed value as one that Python orders and compares as DynamoDB does."""
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, number(content)
    if kind in SETS:
        return kind, frozenset(map(number, content) if kind == "NS" else content)
    return kind, content


class Parser:
    """Recursive descent over one expression; each method returns a closure over an item and the values."""

    def __init__(self, text, names):
        self.names = names
        self.names_used = set()
        self.values_used = set()
        self.text = text
        self.tokens = self._tokens()
        self.place = 0

    def condition(self):
        found = self._either()
        self._end()
        return found

    def update(self):
        """The clauses by keyword: for each a list of (path, what to do with it)."""
        clauses = {}
        while self.place < len(self.tokens):
            clause = self._take().upper()
            if clause not in CLAUSES or clause in clauses:
                raise self._fault(clause)
            read = getattr(self, f"_{clause.lower()}")
            clauses[clause] = [read()]
            while self._is(","):
                clauses[clause].append(read())
        paths = [path for parts in clauses.values() for path, _ in parts]
        if len(set(paths)) < len(paths):
            raise Refused(f"two document paths overlap: {self.text}")
        return clauses

    def key_condition(self):
        """The partition's attribute and value; a test for the sort key, or None."""
        partition = self._path()
        self._expect("=")
        value = self._value()
        test = self._primary() if self._is("AND") else None
        self._end()
        return partition, value, test

    def paths(self):
        found = [self._path()]
        while self._is(","):
            found.append(self._path())
        self._end()
        return tuple(found)

    # conditions

    def _either(self):
        found = self._both()
        while self._is("OR"):
            found = _or(found, self._both())
        return found

    def _both(self):
        found = self._negated()
        while self._is("AND"):
            found = _and(found, self._negated())
        return found

    def _negated(self):
        if self._is("NOT"):
            inner = self._negated()
            return lambda item, values: not inner(item, values)
        return self._primary()

    def _primary(self):
        if self._is("("):
            found = self._either()
            self._expect(")")
            return found
        function = getattr(self, f"_{self._peek()}", None) if self._peek(1) == "(" else None
        if function is not None and self._peek() != "size":
            self._take()
            return self._called(function)
        return self._comparison(self._operand())

    def _called(self, function):
        self._expect("(")
        found = function()
        self._expect(")")
        return found

    def _attribute_exists(self):
        path = self._path()
        return lambda item, _: path in item

    def _attribute_not_exists(self):
        path = self._path()
        return lambda item, _: path not in item

    def _begins_with(self):
        path = self._path()
        self._expect(",")
        value = self._value()
        return lambda item, values: item.get(path, {"S": ""}).get("S", "").startswith(values[value]["S"])

    def _comparison(self, left):
        sign = self._take().upper()
        if sign == "IN":
            return _in(left, self._listed())
        if sign == "BETWEEN":
            low = self._operand()
            self._expect("AND")
            return _and(_ordered(left, operator.ge, low), _ordered(left, operator.le, self._operand()))
        if sign in ORDERINGS:
            return _ordered(left, ORDERINGS[sign], self._operand())
        if sign == "=":
            return _equal(left, self._operand())
        if sign == "<>":
            same = _equal(left, self._operand())
            return lambda item, values: not same(item, values)
        raise self._fault(sign)

    def _listed(self):
        self._expect("(")
        found = [self._operand()]
        while self._is(","):
            found.append(self._operand())
        self._expect(")")
        return found

    def _operand(self):
        if self._peek() == "size" and self._peek(1) == "(":
            self._take()
            path = self._called(self._path)
            return lambda item, _: {"N": str(len(comparable(item[path])[1]))} if path in item else None
        if self._peek().startswith(":"):
            value = self._value()
            return lambda _, values: values[value]
        path = self._path()
        return lambda item, _: item.get(path)

    # updates

    def _set(self):
        path = self._path()
        self._expect("=")
        found = self._settable()
        sign = self._peek()
        if sign not in {"+", "-"}:
            return path, found
        self._take()
        right = self._settable()
        combine = operator.add if sign == "+" else operator.sub
        return path, lambda item, values: _added(found(item, values), right(item, values), combine)

    def _settable(self):
        if self._peek() == "if_not_exists":
            self._take()
            return self._called(self._default)
        return self._operand()

    def _default(self):
        path = self._path()
        self._expect(",")
        other = self._operand()
        return lambda item, values: item[path] if path in item else other(item, values)

    def _remove(self):
        return self._path(), None

    def _add(self):
        return self._path(), self._value()

    _delete = _add

    # tokens

    def _path(self):
        name = self._take()
        if name.startswith("#"):
            self.names_used.add(name)
            if name not in self.names:
                raise Refused(f"{name} is no attribute name: {self.text}")
            return self.names[name]
        if not (name[0].isalpha() or name[0] == "_") or name.upper() in KEYWORDS:
            raise self._fault(name)
        return name

    def _value(self):
        name = self._take()
        if not name.startswith(":"):
            raise self._fault(name)
        self.values_used.add(name)
        return name

    def _tokens(self):
        found, end = [], 0
        while self.text[end:].strip():
            match = TOKEN.match(self.text, end)
            if match is None:
                raise Refused(f"not known at {end}: {self.text}")
            found.append(match["word"] or match["sign"])
            end = match.end()
        return found

    def _peek(self, ahead=0):
        return self.tokens[self.place + ahead] if self.place + ahead < len(self.tokens) else ""

    def _take(self):
        self.place += 1
        if self.place > len(self.tokens):
            raise Refused(f"ends too soon: {self.text}")
        return self.tokens[self.place - 1]

    def _is(self, word):
        found = self._peek().upper() == word
        self.place += found
        return found

    def _expect(self, word):
        if not self._is(word):
            raise self._fault(self._peek())

    def _end(self):
        if self.place < len(self.tokens):
            raise self._fault(self._peek())

    def _fault(self, token):
        return Refused(f"not known: {token!r} in {self.text}")


def _or(left, right):
    return lambda item, values: left(item, values) or right(item, values)


def _and(left, right):
    return lambda item, values: left(item, values) and right(item, values)


def _in(left, several):
    each_equal = [_equal(left, other) for other in several]
    return lambda item, values: any(equal(item, values) for equal in each_equal)


def _equal(left, right):
    def test(item, values):
        one, other = left(item, values), right(item, values)
        if one is None or other is None:
            return False
        return one == other or comparable(one) == comparable(other)

    return test


def _ordered(left, compare, right):
    def test(item, values):
        one, other = left(item, values), right(item, values)
        if one is None or other is None:
            return False
        if "N" in one and "N" in other:
            return compare(number(one["N"]), number(other["N"]))
        (kind, content), (other_kind, other_content) = comparable(one), comparable(other)
        return kind == other_kind and kind in {"S", "B"} and compare(content, other_content)

    return test


def _added(one, other, combine):
    if one is None or other is None or "N" not in one or "N" not in other:
        raise Refused("only numbers that are there can be added")
    return {"N": str(combine(number(one["N"]), number(other["N"])))}
