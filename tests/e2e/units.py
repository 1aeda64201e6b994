"""What a call of DynamoDB consumes, as a bill would have it.

It says what a write consumed, indexes and transactions included, if it is asked. What a read consumes is counted here
from the items that it returns, because the emulator says one unit whatever their size.
"""

import math

READ_BYTES = 4096
READS = ("GetItem", "Query", "BatchGetItem")


def units(operation, request, response, consumed):
    """What a call consumed: `{table, read, write}` for each table, of which an index is a part."""
    if operation in READS:
        return [{"table": table, "read": read, "write": 0} for table, read in _reads(operation, request, response)]
    consumed = consumed if isinstance(consumed, list) else [consumed]
    return [{"table": each["TableName"], "read": 0, "write": each["CapacityUnits"]} for each in consumed]


def _reads(operation, request, response):
    if operation == "GetItem":
        yield request["TableName"], _rate(request) * pages(size(response.get("Item", {})))
    elif operation == "Query":
        read = sum(size(item) for item in response.get("Items", []))
        yield request["TableName"], _rate(request) * pages(read)
    else:
        for table, wanted in request["RequestItems"].items():
            items = response.get("Responses", {}).get(table, [])
            missing = len(wanted["Keys"]) - len(items)
            yield table, _rate(wanted) * (missing + sum(pages(size(item)) for item in items))


def _rate(request):
    """Units a page: half where the newest is not asked for."""
    return 1 if request.get("ConsistentRead") else 0.5


def pages(size_bytes):
    """How many pages that many bytes are charged as: what is not there is one too."""
    return max(1, math.ceil(size_bytes / READ_BYTES))


def size(item):
    """The bytes of an item as DynamoDB counts them: names and values."""
    return sum(len(key.encode()) + _value_size(value) for key, value in item.items())


def _value_size(value):
    ((kind, content),) = value.items()
    return _SIZES.get(kind, lambda _: 1)(content)


_SIZES = {
    "S": lambda text: len(text.encode()),
    "B": lambda text: len(text) * 3 // 4 - text[-2:].count("="),
    "N": lambda digits: math.ceil(len(digits.strip("-").replace(".", "").strip("0")) / 2) + 1 + digits.startswith("-"),
    "M": lambda fields: 3 + len(fields) + size(fields),
    "L": lambda values: 3 + sum(1 + _value_size(each) for each in values),
    "SS": lambda texts: sum(len(each.encode()) for each in texts),
}
