"""One seed's world: a clock, clients that stop at each call, and a scheduler that decides all that can go wrong.

Each client is ordinary code in a greenlet. It stops before and after each effect on the database (a read has no effect
and stops once), and the scheduler goes on with any of them. Everything random comes from the seed.
"""

from collections import Counter
from heapq import heappop, heappush
from random import Random

from greenlet import GreenletExit, getcurrent, greenlet

from chalicelib.adapters.dynamodb.client import Cancelled, Unmet
from chalicelib.domain.errors import StoreUnavailable
from tests.simulation.audit import LEDGER, Audit, Violation
from tests.simulation.cast import MOMENTS
from tests.simulation.database import Model

SDK_ATTEMPTS = 3  # of the client that the adapter makes
OUTAGE_RATE = 0.4  # how often an attempt that failed is followed by others that fail too
SKEW_SECONDS = 5
LATE_SECONDS = 60  # how long a request may be under way that its sender has given up
STROLL_SECONDS = 100  # how long a client may dawdle in all between two calls: below what the function's timeout allows
STROLLS = (0.3, 2.0, 15.0)
FAULT_RATES = (0.0, 0.05, 0.12, 0.3)  # the share of calls that meet a fault
READS = {"get_item", "batch_get_item", "query"}


class World:
    """`story` collects the trace, where there is to be one; `make_turns` builds the ledger over a database."""

    def __init__(self, seed, make_turns, story=None):
        self.seed = seed
        self.random = Random(seed).random
        self.make_turns = make_turns
        self.fault_rate = FAULT_RATES[self.below(len(FAULT_RATES))]
        self.now = float(MOMENTS[self.below(len(MOMENTS))])
        self.story = story
        self.seen = Counter()
        self.steps = 0
        self.over = False
        self.hub = getcurrent()
        self.ready = []
        self.sleepers = []
        self.late = []
        self.tokens = 0
        self.strolled = 0.0
        self.audit = Audit(lambda: self.now)
        self.model = Model(lambda: self.now, watch=self._changed, lag=self._lag)
        self.audit.ledger = self.model.stored[LEDGER]
        self.watchers = [self.audit.changed]

    def below(self, count):
        """A number from 0 to `count` - 1."""
        return int(self.random() * count)

    def spawn(self, run):
        """A new client."""
        self.ready.append(greenlet(run, self.hub))

    def run(self):
        """Until every client is done or dead; what was still under way arrives, or does not."""
        try:
            self._run()
        finally:
            self.over = True

    def _run(self):
        ready, random = self.ready, self.random
        while ready or self.sleepers:
            if not ready:
                self._wake()
            self.steps += 1
            if random() < (0.2 if self.late else 0.03):
                self._happen()
            else:
                client = ready[int(random() * len(ready))]
                client.switch()
                if client.dead:
                    ready.remove(client)
        self._arrive(0)

    def stop(self):
        """Let the scheduler go on with somebody."""
        if self.over:
            raise GreenletExit
        self.hub.switch()

    def sleep(self, seconds):
        """Nothing of the current client for so long."""
        me = getcurrent()
        self.ready.remove(me)
        heappush(self.sleepers, (self.now + seconds, self.steps, id(me), me))
        self.stop()

    def note(self, *words):
        if self.story is not None:
            name = getattr(getcurrent(), "name", "")
            self.story.append((self.now, name, " ".join(map(str, words))))

    def _wake(self):
        """Everybody sleeps: time goes on to who wakes first."""
        self._until(self.sleepers[0][0])

    def _until(self, moment):
        self._arrive(moment - LATE_SECONDS)
        self.now = max(self.now, moment)
        while self.sleepers and self.sleepers[0][0] <= self.now:
            self.ready.append(heappop(self.sleepers)[-1])

    def _happen(self):
        """Something that no client does: a late request arrives, or time passes."""
        if self.late:
            _, operation, request = self.late.pop(self.below(len(self.late)))
            self._deliver(operation, request)
        elif self.strolled < STROLL_SECONDS:
            seconds = STROLLS[self.below(len(STROLLS))]
            self.strolled += seconds
            self.seen["time passed"] += 1
            self._until(self.now + seconds)

    def _arrive(self, before):
        """What was sent before that moment (0: ever) arrives now, or never."""
        waiting, self.late = self.late, []
        for each in waiting:
            if before and each[0] >= before:
                self.late.append(each)
            elif self.random() < 0.7:
                self._deliver(*each[1:])

    def _deliver(self, operation, request):
        """A request arrives whose sender does not wait for it."""
        self.seen["request arrived late"] += 1
        if self.story is not None:
            self.note("LATE", operation, shown(request))
        try:
            self.model.call(operation, request)
        except (Unmet, Cancelled):
            self.seen["late request refused"] += 1

    def _changed(self, changes):
        for watch in self.watchers:
            watch(changes)

    def _lag(self, count):
        """How many of `count` writes an index does not show yet."""
        if self.over or self.random() < 0.7:
            return 0
        self.seen["index lagged"] += 1
        return self.below(count + 1)


class Wire:
    """One client's `Database`: a network and an SDK that lose, repeat, double and delay, around the model."""

    def __init__(self, world):
        self.world = world
        self.tables = world.model.tables
        self.pause = world.model.pause

    def call(self, operation, request):
        """As `Database.call`: the reply, `Unmet`, `Cancelled`, or `StoreUnavailable` after the SDK's attempts."""
        world = self.world
        if operation == "transact_write_items" and "ClientRequestToken" not in request:
            world.tokens += 1  # as the SDK does, once for all its attempts
            request = {**request, "ClientRequestToken": str(world.tokens)}
        for _ in range(SDK_ATTEMPTS):
            world.stop()
            if world.random() >= world.fault_rate:
                return self._answered(operation, request)
            if (reply := self._faulty(operation, request)) is not None:
                return reply
            if world.random() < OUTAGE_RATE:
                break  # nor would another attempt get an answer
        world.seen["store unavailable"] += 1
        raise StoreUnavailable(f"{operation} got no answer")

    def _faulty(self, operation, request):
        """What a call comes to that meets a fault: a reply, an error, or None where the SDK tries again."""
        world = self.world
        faults = READ_FAULTS.get(operation, WRITE_FAULTS)
        fault = faults[world.below(len(faults))]
        world.seen[fault] += 1
        if world.story is not None:
            world.note(fault.upper(), operation, shown(request))
        return FAULTS[fault](self, operation, request)

    def _answered(self, operation, request):
        world = self.world
        if world.story is not None:
            return self._told(operation, request)
        if operation in READS:
            return world.model.call(operation, request)
        try:
            return world.model.call(operation, request)
        finally:
            world.stop()

    def _told(self, operation, request):
        """The same as without a story."""
        outcome = "done"
        try:
            return self.world.model.call(operation, request)
        except (Unmet, Cancelled) as refused:
            outcome = f"refused {shown(refused)}"
            raise
        finally:
            self.world.note(operation, shown(request), "->", outcome)
            if operation not in READS:
                self.world.stop()

    def _lost(self, operation, request):
        """Nobody ever hears of it."""

    def _late(self, operation, request):
        self.world.late.append((self.world.now, operation, request))

    def _twice(self, operation, request):
        self._late(operation, request)
        return self._answered(operation, request)

    def _unheard(self, operation, request):
        """The effect happens, and its outcome is lost."""
        try:
            self.world.model.call(operation, request)
        except (Unmet, Cancelled):
            self.world.seen["refusal lost"] += 1
        self.world.stop()

    def _dead(self, operation, request):
        raise GreenletExit

    def _dead_after(self, operation, request):
        self._unheard(operation, request)
        raise GreenletExit

    def _half(self, operation, request):
        """A page of one, or keys left unprocessed, or items read at two moments."""
        world = self.world
        if operation == "query":
            return world.model.call(operation, {**request, "Limit": 1})
        if len(request["RequestItems"]) < 2:
            return world.model.call(operation, request)
        *first, last = request["RequestItems"].items()
        reply = world.model.call(operation, {"RequestItems": dict(first)})
        world.stop()
        if world.random() < 0.5:
            return {**reply, "UnprocessedKeys": dict([last])}
        rest = world.model.call(operation, {"RequestItems": dict([last])})
        return {"Responses": reply["Responses"] | rest["Responses"], "UnprocessedKeys": {}}

    def _partly(self, request):
        """Some of the items are left unprocessed."""
        ((table, writes),) = request["RequestItems"].items()
        count = self.world.below(len(writes))
        self.world.model.call("batch_write_item", {"RequestItems": {table: writes[:count]}})
        self.world.stop()
        return {"UnprocessedItems": {table: writes[count:]}}

    def _conflict(self, operation, request):
        """Another transaction is in the way of some of the actions; the conditions of others may fail too."""
        world = self.world
        if operation == "batch_write_item":
            return self._partly(request)
        if operation != "transact_write_items":
            raise Cancelled([{"Code": "TransactionConflict"}])
        reasons = [reason or {"Code": "None"} for reason in world.model.refusals(request["TransactItems"])]
        code = "ThrottlingError" if world.random() < 0.2 else "TransactionConflict"
        for _ in range(1 + world.below(2)):
            reasons[world.below(len(reasons))] = {"Code": code}
        raise Cancelled(reasons)


FAULTS = {
    "request lost": Wire._lost,
    "request late": Wire._late,
    "request throttled": Wire._lost,
    "request sent twice": Wire._twice,
    "reply lost": Wire._unheard,
    "conflict": Wire._conflict,
    "half a reply": Wire._half,
    "crash before the effect": Wire._dead,
    "crash after the effect": Wire._dead_after,
}
WRITE_FAULTS = (*(fault for fault in FAULTS if fault != "half a reply"), "reply lost", "conflict")
READ_FAULTS = {
    "get_item": ("request lost", "crash before the effect"),
    "batch_get_item": ("request lost", "crash before the effect", "half a reply", "half a reply"),
    "query": ("request lost", "crash before the effect", "half a reply", "half a reply"),
}


def shown(what):
    """A request or refusal in one line of a trace."""
    if isinstance(what, Unmet):
        return f"the condition: {_state(what.item)}"
    if isinstance(what, Cancelled):
        return ", ".join(f"{reason['Code']}{_state(reason.get('Item'))}" for reason in what.reasons)
    if "TransactItems" in what:
        return " + ".join(f"{kind} {shown(each)}" for action in what["TransactItems"] for kind, each in action.items())
    key = what.get("Key") or what.get("Item") or {}
    values = {name: _bare(value) for name, value in what.get("ExpressionAttributeValues", {}).items()}
    words = [key.get("pk", {}).get("S", ""), key.get("sk", {}).get("S", "")]
    words += [what.get(name, "") for name in ("UpdateExpression", "KeyConditionExpression")]
    condition = what.get("ConditionExpression")
    return " ".join(filter(None, [*words, condition and f"if {condition}", str(values or "")]))


def _state(item):
    return "" if item is None else f" { ({name: _bare(value) for name, value in item.items() if name != 'body'}) }"


def _bare(value):
    ((_, content),) = value.items()
    return content


__all__ = ["Violation", "Wire", "World", "shown"]
