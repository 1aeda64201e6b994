"""One seed: traffic in both Regions, one of them fails, its home is moved, it comes back, and is home again."""

from collections import defaultdict
from contextlib import suppress

import msgspec
from msgspec import Struct

from chalicelib.adapters.dynamodb.keys import DynamoKeys
from chalicelib.adapters.dynamodb.regions import DynamoSeats
from chalicelib.domain.budget import METERS, Limit, Plan, period, size
from chalicelib.domain.catalogue import charge
from chalicelib.domain.chat import Completion, Usage
from chalicelib.domain.conversation import Conversation
from chalicelib.domain.errors import Conflict, LimitExceeded, StoreUnavailable
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.identity import Principal
from chalicelib.domain.regions import HomeElsewhere
from chalicelib.domain.turn import Caller, Cue
from chalicelib.pipeline.admission import ended
from infra.failover import move, plan
from tests.builders import a_credential, a_model, a_request, an_ask, an_opened
from tests.regions.world import EAST, NAMES, WEST, Far, World, other, patient
from tests.simulation.tables import STAGE

MODEL = a_model()
REQUEST = a_request("What is a tide?", max_output_tokens=60)
INPUT = input_bound(REQUEST)
TURN = INPUT + 60  # tokens that one turn reserves
LAYOUTS = (
    Plan("paced", (Limit("tenant", "minute", tokens=2 * TURN), Limit("tenant", "day", tokens=90 * TURN))),
    Plan("daily", (Limit("tenant", "day", tokens=60 * TURN), Limit("user", "month", requests=130))),
    Plan("keyed", (Limit("key", "minute", requests=2), Limit("key", "month", tokens=40 * TURN))),
    Plan("hot", (Limit("tenant", "minute", tokens=4 * TURN), Limit("tenant", "month", tokens=99 * TURN)), shards=3),
)
TENANTS = {"acme": EAST, "west": WEST}
FAULTS = ("died", "cut off", "lost", "planned")
MOMENTS = (4_116_959_996, 4_118_083_195, 4_116_918_625)  # near the end of a day, of a month, and of neither
MINUTE = 60.0


class Overspent(AssertionError):
    """More was charged, or burned, than a limit allows."""


class Said(Struct):
    """A turn that its caller was told the end of."""

    tenant: str
    region: str
    number: int
    turn_id: str
    at: float


class Rehearsal:
    """`unseen` is what was acknowledged and had not arrived where a home began; `back_at` is when the old one did."""

    def __init__(self, seed):
        self.world = World(seed, 0)
        random = self.world.random
        self.fault = FAULTS[seed % len(FAULTS)]
        self.plan = LAYOUTS[seed // len(FAULTS) % len(LAYOUTS)]
        self.world.now = random.choice(MOMENTS) - random.uniform(0, 70) * MINUTE
        self.burned = defaultdict(int)
        self.said = []
        self.unseen = set()
        self.turns = 0
        self.back_at = float("inf")
        self.seats = DynamoSeats(Far(self.world), STAGE)
        self._schedule(random)

    def run(self):
        self._settle_in()
        for name in NAMES:
            self.world.spawn(self.world.regions[name].sweep)
        for tenant in TENANTS:
            for number in range(3):
                self.world.spawn(lambda tenant=tenant, number=number: self._caller(tenant, number), 120.0)
        self.world.run(self.ends)
        self.world.run(self.ends + 40 * MINUTE)  # nobody asks any more: what is under way arrives, leases end
        return self

    @property
    def came_back(self):
        """Whether tenants were served in their old home after it was theirs again."""
        return any(said.tenant == "acme" and said.region == EAST and said.at > self.back_at for said in self.said)

    def conversation(self, region, tenant):
        """The items of a tenant's conversation as a Region has them."""
        table = self.world.regions[region].model.stored[f"tidegate-{STAGE}-conversations"]
        return table.partitions.get(f"conv_{tenant}", {})

    def has(self, region, said):
        """Whether a Region has a turn, as it ended."""
        found = self.world.regions[region].model.stored[f"tidegate-{STAGE}-conversations"]
        item = found.get((f"conv_{said.tenant}", f"turn#{said.number:010d}"))
        return item is not None and item["turn_id"]["S"] == said.turn_id and item["state"]["S"] == "done"

    def _schedule(self, random):
        world, begins = self.world, self.world.now
        fails = begins + random.uniform(12, 20) * MINUTE
        decided = fails + (0 if self.fault == "planned" else random.choice((0.1, 0.5, random.uniform(1, 12))) * MINUTE)
        healed = decided + random.uniform(8, 16) * MINUTE
        back = healed + random.uniform(1, 12) * MINUTE
        self.ends = back + 12 * MINUTE
        world.at(fails, self._fail)
        world.at(decided, lambda: self._move(EAST, WEST))
        if self.fault != "lost":
            world.at(healed, lambda: world.heal(EAST))
            world.at(back, lambda: self._move(EAST, EAST))

    def _fail(self):
        region = self.world.regions[EAST]
        region.is_cut = self.fault != "planned"
        region.is_dead = self.fault in {"died", "lost"}

    def _move(self, home, to):
        """What an operator's command does."""
        old, new = plan(self.seats.all(), NAMES, home, to, int(self.world.now))
        move(self.seats, old, new)
        self.world.at(new.since, lambda: self._note_unseen(to))
        self.back_at = new.since if to == EAST else self.back_at

    def _note_unseen(self, to):
        """What was acknowledged elsewhere and is not seen in the new home when it begins."""
        self.unseen |= {said.turn_id for said in self.said if said.tenant == "acme" and not self.has(to, said)}

    def _settle_in(self):
        """Plans, tenants and conversations are everywhere before anything happens."""
        for region in self.world.regions.values():
            keys = DynamoKeys(region.model)
            keys.put_plan(self.plan)
            keys.change_tenant("west", lambda record: msgspec.structs.replace(record, home=WEST))
        for tenant, home in TENANTS.items():
            owner = self._who(tenant, 0)[1].owner
            made = Conversation(f"conv_{tenant}", owner, int(self.world.now))
            process = self.world.regions[home].processes[0]
            self.world.spawn(lambda process=process, made=made: process.conversations.create(made, None))

    def _who(self, tenant, number):
        credential = a_credential(tenant=tenant, number=number)
        return credential, Principal(tenant, "ada", credential.key_id, frozenset({"chat"}), self.plan.name)

    def _caller(self, tenant, number):
        world = self.world
        while world.now < self.ends:
            world.sleep(world.random.uniform(1, 25))
            patient()
            with suppress(StoreUnavailable, HomeElsewhere, LimitExceeded, Conflict):
                self._turn(tenant, number)

    def _turn(self, tenant, number):
        """A call, from the Region that it comes to on to the home, and to its end."""
        process, now = self._arrived(tenant, number)
        opened = self._opened(process, self._who(tenant, number), now)
        claim = process.admission.reserve(opened)
        self.world.seen[f"admitted {process.region.name}"] += 1
        self._check(claim)
        self.world.sleep(200.0 if self.world.random.random() < 0.03 else self.world.random.choice((0.5, 2.0, 8.0)))
        usage = Usage(INPUT // 2, self.world.random.randrange(1, 61))
        self._burn(claim, charge(MODEL.prices, usage))
        turn = ended(claim, Completion(text="A rise of the sea.", usage=usage), "simulated://echo", cut=False)
        if process.admission.settle(claim, charge(MODEL.prices, usage), turn) and turn is not None:
            self.said.append(Said(tenant, process.region.name, turn.number, claim.turn_id, self.world.now))

    def _arrived(self, tenant, number):
        """The process of the home that takes the call, and when; the call is stamped again where it is passed on."""
        world, random = self.world, self.world.random
        nearest = TENANTS[tenant] if random.random() < 0.7 else other(TENANTS[tenant])
        if world.regions[nearest].is_dead:
            nearest = other(nearest)
        process = random.choice(world.regions[nearest].processes)
        tag = self._who(tenant, number)[0].tenant_tag
        try:
            process.homes.require(process.homes.home(tag))
        except HomeElsewhere as elsewhere:
            if type(elsewhere) is not HomeElsewhere or any(region.is_cut for region in world.regions.values()):
                world.seen["nobody took it"] += 1
                raise
            process = random.choice(world.regions[other(nearest)].processes)
            process.homes.require(process.homes.home(tag))
            world.seen["passed on"] += 1
        return process, process.clock()

    def _opened(self, process, who, now):
        credential, principal = who
        self.turns += 1
        turn_id = f"{self.turns:032x}"
        talks = f"conv_{principal.tenant}" if self.world.random.random() < 0.6 else None
        memory = process.turns.recall(Cue(credential, now, (), talks))
        if talks and memory.conversation is None:
            raise StoreUnavailable("it has not arrived")
        opened = an_opened(request=REQUEST)
        ask = an_ask(credential=credential, request=REQUEST, turn_id=turn_id, now=now, conversation=talks)
        caller = Caller(principal, self.plan, {}, turn_id, now)
        return msgspec.structs.replace(opened, ask=ask, caller=caller, model=MODEL, memory=memory)

    def _check(self, claim):
        """What both Regions have charged, by their own books, is within every limit."""
        books = [DynamoKeys(each.model).balances(claim.subjects, claim.made_at) for each in self._regions()]
        for limit in self.plan.limits:
            for meter in METERS:
                most = size(limit, meter)
                charged = sum(book[limit.subject, limit.window].of(meter) for book in books)
                if most is not None and charged > most:
                    raise Overspent(f"{limit}: {charged} of {meter} charged at {self.world.now}")

    def _burn(self, claim, burned):
        for limit in self.plan.limits:
            tag = next(each.tag for each in claim.subjects if each.kind == limit.subject)
            for meter in METERS:
                where = (limit, tag, period(limit.window, claim.made_at), meter)
                self.burned[where] += burned.of(meter)
                if (most := size(limit, meter)) is not None and self.burned[where] > most:
                    raise Overspent(f"{limit}: {self.burned[where]} of {meter} burned")

    def _regions(self):
        return self.world.regions.values()
