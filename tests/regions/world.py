"""Two Regions in virtual time: a database each, copies that follow late, and a record that both agree on.

Callers are ordinary code in greenlets that sleep at each call. A Region dies, or is cut off: nothing leaves or enters
it, while who is in it goes on. Items are copied one by one, each after a delay of its own; the newer version wins.
"""

from collections import Counter
from contextlib import suppress
from heapq import heappop, heappush
from random import Random

from greenlet import getcurrent, greenlet

from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.regions import DynamoRegisters, DynamoSeats
from chalicelib.adapters.dynamodb.table import seats_table, tables
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.regions import ARRIVAL_SECONDS, CATCH_UP_SECONDS
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.homes import Homes
from chalicelib.pipeline.tenure import Tenure
from tests.simulation.database import Model
from tests.simulation.tables import SHAPES, STAGE, Shape, Table

EAST, WEST = "us-east-1", "us-west-2"
NAMES = (EAST, WEST)
URLS = {name: f"https://{name}.example" for name in NAMES}
GLOBAL = ("access", "conversations")
LATEST_SECONDS = 50  # after which an item has been copied, where nothing is cut
SKEW_SECONDS = 5
LEASE_SECONDS = 900


def other(name):
    return WEST if name == EAST else EAST


class World:
    """A seed's clock, its Regions and whoever waits for what."""

    def __init__(self, seed, start):
        self.random = Random(seed)
        self.now = float(start)
        self.waiting = []
        self.order = 0
        self.seen = Counter()
        self.hub = getcurrent()
        self.agreed = Model(lambda: self.now)
        self.agreed.stored = {seats_table(STAGE): Table(Shape(seats_table(STAGE), [_key("pk", "HASH")]), [])}
        self.regions = {name: Region(self, name) for name in NAMES}
        self.held = []  # copies that cannot be made while a Region is cut off

    def spawn(self, run, after=0.0):
        self._push(after, greenlet(run, self.hub))

    def sleep(self, seconds):
        self._push(seconds, getcurrent())
        self.hub.switch()

    def at(self, moment, do):
        """Something that nobody does: a copy arrives, a Region dies."""
        self._push(moment - self.now, do)

    def run(self, until):
        while self.waiting and self.waiting[0][0] <= until:
            self.now, _, each = heappop(self.waiting)
            each.switch() if isinstance(each, greenlet) else each()
        self.now = until

    def changed(self, name, changes):
        """What one Region wrote is copied to the other, each item after a while."""
        for table, place, _, new in changes:
            if self.regions[name].is_copied(table.name):
                self.order += 1
                version = (self.now, self.order)
                self.regions[name].versions[table.name, place] = version
                self._copy((other(name), table.name, place, new, version))

    def cut(self, name):
        """From now on nothing leaves the Region, and nothing enters it."""
        self.regions[name].is_cut = True

    def heal(self, name):
        """It can be reached again; what was held up is on its way."""
        self.regions[name].is_cut = self.regions[name].is_dead = False
        held, self.held = self.held, []
        for copy in held:
            self._copy(copy, CATCH_UP_SECONDS - 60)

    def _copy(self, copy, latest=LATEST_SECONDS):
        self.at(self.now + self.random.random() ** 3 * latest, lambda: self._arrive(copy))

    def _arrive(self, copy):
        name, table, place, new, version = copy
        if any(region.is_cut for region in self.regions.values()):
            self.held.append(copy)
            return
        region = self.regions[name]
        if region.versions.get((table, place), (0.0, 0)) < version:
            region.versions[table, place] = version
            target = region.model.stored[table]
            target.set(place, target.get(place), new)

    def _push(self, seconds, each):
        self.order += 1
        heappush(self.waiting, (self.now + max(seconds, 0.0), self.order, each))


class Region:
    """A database with its own ledger, a copy of the other's, and two processes whose clocks differ."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.is_cut = self.is_dead = False
        self.versions = {}
        self.model = Model(lambda: world.now, watch=lambda changes: world.changed(name, changes))
        self.model.tables = tables(STAGE, name)
        plain = {shape.name: (shape, indexes) for shape, indexes in SHAPES}
        for each in NAMES:
            for table in ("ledger", "jobs"):
                shape, indexes = plain[f"tidegate-{STAGE}-{table}"]
                self.model.stored[f"{shape.name}-{each}"] = Table(_renamed(shape, each), indexes)
        self.processes = [Process(self, world.random.uniform(-SKEW_SECONDS, SKEW_SECONDS)) for _ in range(2)]
        self.tenure = Tenure(
            name,
            [other(name)],
            DynamoSeats(Far(world, self), STAGE),
            DynamoRegisters(Near(self), STAGE),
            lambda: world.now,
        )

    def is_copied(self, table):
        return table.endswith((*GLOBAL, f"-{self.name}"))

    def sweep(self):
        """Every minute, as long as the Region lives."""
        while True:
            for chore in (self.tenure.renew, lambda: DynamoTurns(Near(self)).expire(self.world.now, 100)):
                with suppress(StoreUnavailable):
                    chore()
            self.world.sleep(60)


class Process:
    """What one process knows, by a clock of its own."""

    def __init__(self, region, skew):
        self.region = region
        wire = Near(region)
        self.clock = lambda: region.world.now + skew
        keys = DynamoKeys(wire)
        self.homes = Homes(region.name, URLS, keys, DynamoRegisters(wire, STAGE), None, self.clock)
        self.turns = DynamoTurns(wire)
        self.conversations = DynamoConversations(wire)
        self.admission = Admission(self.turns, self.conversations, LEASE_SECONDS, self.clock, self.homes)


class Near:
    """A Region's own database as its processes reach it: nobody does while the Region is dead."""

    def __init__(self, region):
        self.region = region
        self.tables = region.model.tables

    def pause(self, attempt):
        self.region.world.sleep(0.05)

    def call(self, operation, request):
        region, me = self.region, getcurrent()
        region.world.sleep(_lateness(region.world.random, me))
        if region.is_dead:
            raise StoreUnavailable("nobody is there")
        return region.model.call(operation, request)


class Far:
    """The record that all Regions agree on: who is cut off cannot read it."""

    def __init__(self, world, region=None):
        self.world = world
        self.region = region

    def call(self, operation, request):
        if self.region is not None and (self.region.is_cut or self.region.is_dead):
            raise StoreUnavailable("the others cannot be asked")
        return self.world.agreed.call(operation, request)


def _lateness(random, me):
    """Mostly milliseconds; seldom nearly as long as a reservation may take to arrive, once for each turn."""
    left = getattr(me, "left", 0.0)
    if left and random.random() < 0.02:
        late = random.uniform(0, left)
        me.left = left - late
        return late
    return random.random() * 0.02


def patient():
    """A turn begins: so late may it be in all."""
    getcurrent().left = ARRIVAL_SECONDS - 15.0


def _key(name, kind):
    return {"AttributeName": name, "KeyType": kind}


def _renamed(shape, region):
    schema = [_key(name, kind) for name, kind in zip(shape.key, ("HASH", "RANGE"), strict=False)]
    return Shape(f"{shape.name}-{region}", schema)
