"""One ledger under load, in a process of its own: it reads jobs, one JSON object a line, and tells what came of each.

Only the standard library is imported here, since a peer's process has none of the product's packages.
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any, Final, Literal, Protocol

Verdict = Literal["admitted", "refused", "busy"]
Take = Callable[[int, int, int], Verdict]
"""Client, tokens to reserve and tokens that were then burned: one turn, reserved and settled."""

ESTIMATES: Final = (100, 300, 500, 1_500)
PLENTY: Final = 10**12
WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")
_CONFLICT: Final = "TransactionConflict"


@dataclass(frozen=True)
class Job:
    """So many clients on one tenant, for some seconds or so many calls each.

    `subjects` are those with a limit of `budget` tokens a day. `twice` loses the first reply to every write, so that
    the SDK sends it again. `strict` refuses what touches an item of a transaction that is on its way, as DynamoDB does
    and no engine on one machine.
    """

    tenant: str
    subjects: tuple[str, ...]
    clients: int
    seed: int
    seconds: float = 0.0
    calls: int = 0
    budget: int = PLENTY
    shards: int = 0
    twice: bool = False
    strict: bool = False

    @property
    def line(self) -> str:
        return json.dumps(asdict(self))


class Contestant(Protocol):
    """A ledger that takes turns."""

    def seat(self, job: Job) -> Take:
        """Limits and clients of the job are there; the way to take a turn."""

    def used(self, job: Job) -> int:
        """What the ledger says that the job's tenant used today."""


class Wire:
    """What goes over a botocore client: requests and conflicts counted, replies lost and writes refused on demand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.twice = self.strict = False

    def watch(self, client: Any) -> None:
        for name in WRITES:
            client.meta.events.register_first(f"before-call.dynamodb.{name}", self._began)
            client.meta.events.register(f"after-call.dynamodb.{name}", self._ended)
            client.meta.events.register(f"after-call-error.dynamodb.{name}", self._ended)
            client.meta.events.register_first(f"needs-retry.dynamodb.{name}", self._again)
        client.meta.events.register("response-received.dynamodb", self._received)

    def _received(self, **_: Any) -> None:
        with self._lock:
            self.counts["requests"] += 1

    def _again(self, attempts: int, **_: Any) -> int | None:
        return 0 if self.twice and attempts == 1 else None

    def _began(self, model: Any, params: Any, context: dict[str, Any], **_: Any) -> Any:
        if not self.strict:
            return None
        request = json.loads(params["body"])
        actions = [action for member in request.get("TransactItems", ()) for action in member.values()]
        keys = [_key(action) for action in actions or [request]]
        with self._lock:
            reasons = [{"Code": _CONFLICT if key in self._held else "None"} for key in keys]
            if self._held.isdisjoint(keys):
                context["held"] = set(keys) if actions else set()
                self._held |= context["held"]
                return None
            self.counts.update(("requests", "conflicts"))
        code = "TransactionCanceledException" if actions else f"{_CONFLICT}Exception"
        error = {"Code": code, "Message": f"{model.name} met another transaction"}
        return SimpleNamespace(status_code=400), {"Error": error, "CancellationReasons": reasons}

    def _ended(self, context: dict[str, Any], **_: Any) -> None:
        with self._lock:
            self._held -= context.pop("held", set())


def _key(action: dict[str, Any]) -> str:
    """The item that an action is about; both ledgers name their keys alike but for the case."""
    item = action.get("Key") or action["Item"]
    return f"{action['TableName']} {[item[name] for name in sorted(item) if name.lower() in {'pk', 'sk'}]}"


class Crowd:
    """The clients of one job, a thread each."""

    def __init__(self, job: Job, take: Take) -> None:
        self._job = job
        self._take = take
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def run(self) -> None:
        threads = [threading.Thread(target=self._client, args=(each,)) for each in range(self._job.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _client(self, number: int) -> None:
        draw = random.Random(f"{self._job.seed}-{number}")
        mine: Counter[str] = Counter()
        ends = time.monotonic() + self._job.seconds
        while mine["asked"] < self._job.calls or time.monotonic() < ends:
            estimate = draw.choice(ESTIMATES)
            burned = draw.randrange(estimate // 2, estimate + 1)
            verdict = self._take(number, estimate, burned)
            mine["asked"] += 1
            mine[verdict] += 1
            mine["burned"] += burned if verdict == "admitted" else 0
        with self._lock:
            self.counts += mine


def serve(contestant: Contestant, wire: Wire) -> None:
    """Do each job that comes."""
    for line in sys.stdin:
        fields = json.loads(line)
        print(json.dumps(_done(Job(**fields | {"subjects": tuple(fields["subjects"])}), contestant, wire)), flush=True)


def _done(job: Job, contestant: Contestant, wire: Wire) -> dict[str, float]:
    crowd = Crowd(job, contestant.seat(job))
    wire.counts.clear()
    wire.twice, wire.strict = job.twice, job.strict
    wall, cpu = time.perf_counter(), time.process_time()
    crowd.run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    wire.twice = wire.strict = False
    counts = {name: crowd.counts[name] for name in ("asked", "admitted", "refused", "busy", "burned")}
    sent = {name: wire.counts[name] for name in ("requests", "conflicts")}
    return {**counts, **sent, "wall_s": wall, "cpu_s": cpu, "used": contestant.used(job) if job.calls else 0}
