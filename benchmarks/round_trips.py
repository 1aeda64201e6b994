"""What a turn asks of DynamoDB: round trips, bytes and capacity units, and what on-demand tables bill for them."""

from collections import Counter, defaultdict
from typing import Any, Final

from benchmarks.figures import Figures, Row, rounded
from benchmarks.read_units import READS, read_units
from benchmarks.turns import Scenario, Turns
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.direct import Direct
from chalicelib.bootstrap import open_database
from chalicelib.settings import Settings

READ_USD: Final = 0.125  # a million read units on demand, us-east-1's list price
WRITE_USD: Final = 0.625  # a million write units
TURNS: Final = 10


class Tally:
    """What was asked since the last `clear`."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.round_trips = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.reads: defaultdict[str, float] = defaultdict(float)  # units by table
        self.writes: defaultdict[str, float] = defaultdict(float)

    @property
    def read_units(self) -> float:
        return sum(self.reads.values())

    @property
    def write_units(self) -> float:
        return sum(self.writes.values())


class CountedDatabase(Database):
    """The product's way to DynamoDB, with a tally; every write also asks for the units that it used."""

    def __init__(self, settings: Settings, tally: Tally) -> None:
        plain = open_database(settings)
        super().__init__(plain.tables, pause=plain.pause, direct=settings.direct_dynamodb)
        self._tally = tally

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self._tally.calls[operation] += 1
        self._tally.requests.append((operation, request))
        if operation in READS:
            reply = super().call(operation, request)
            for table, part in _by_table(request):
                self._tally.reads[table] += read_units(operation, part, reply)
            return reply
        reply = super().call(operation, request | {"ReturnConsumedCapacity": "INDEXES"})
        consumed = reply["ConsumedCapacity"]
        every = consumed if isinstance(consumed, list) else [consumed]
        for each in every:
            self._tally.writes[each["TableName"]] += each["CapacityUnits"]
        return reply

    def _reach(self) -> Direct:
        direct = super()._reach()
        direct.http = _watched(direct.http, self._tally)
        return direct

    def _connect(self) -> Any:
        client = super()._connect()
        client._endpoint.http_session = _watched(client._endpoint.http_session, self._tally)  # noqa: SLF001
        return client


class _Watched:
    """The connections of either way, and what goes over them."""

    def __init__(self, http: Any, tally: Tally) -> None:
        self._http = http
        self._tally = tally

    def send(self, request: Any) -> Any:
        self._tally.round_trips += 1
        self._tally.bytes_sent += len(request.body)
        answer = self._http.send(request)
        self._tally.bytes_received += len(answer.content)
        return answer


def _watched(http: Any, tally: Tally) -> _Watched:
    return http if isinstance(http, _Watched) else _Watched(http, tally)


def _by_table(request: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A request in parts that read one table each."""
    if "RequestItems" not in request:
        return [(request["TableName"], request)]
    return [(table, {"RequestItems": {table: wanted}}) for table, wanted in request["RequestItems"].items()]


def count(turns: Turns, tally: Tally, figures: Figures) -> dict[str, Row]:
    """Take some turns of each kind with the counted database in place; what each kind asked, per turn."""
    return {scenario.name: _count(scenario, turns, tally, figures) for scenario in turns.scenarios}


def _count(scenario: Scenario, turns: Turns, tally: Tally, figures: Figures) -> Row:
    events = scenario.prepare(TURNS)
    tally.clear()
    answers = [scenario.take(event) for event in events]
    assert tally.round_trips == tally.calls.total() > 0, "a request was sent twice, or none was seen"
    row: Row = {
        "turn": scenario.name,
        "turns": TURNS,
        "calls": {operation: number / TURNS for operation, number in sorted(tally.calls.items())},
        "bytes_sent": rounded(tally.bytes_sent / TURNS),
        "bytes_received": rounded(tally.bytes_received / TURNS),
        "read_units": rounded(tally.read_units / TURNS),
        "write_units": rounded(tally.write_units / TURNS),
        "usd_per_million_turns": rounded((tally.read_units * READ_USD + tally.write_units * WRITE_USD) / TURNS),
    }
    reservation = next((request for name, request in tally.requests if name == "transact_write_items"), None)
    turns.check(scenario, events, answers)
    figures.add("dynamodb", **row)
    return row | {"transaction": reservation}
