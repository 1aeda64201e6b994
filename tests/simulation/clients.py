"""What clients do in a world: turns from reservation to settlement around a model that burns tokens, and sweeps."""

from contextlib import suppress

import msgspec
from greenlet import GreenletExit, getcurrent

from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.domain.chat import Completion
from chalicelib.domain.errors import Conflict, LimitExceeded, NotFound, StoreUnavailable
from chalicelib.domain.lead import Overtaken
from chalicelib.domain.turn import Cue
from chalicelib.pipeline.admission import Admission, ended
from chalicelib.pipeline.sweep import sweep
from tests.simulation import cast
from tests.simulation.leads import Follower
from tests.simulation.world import SKEW_SECONDS, Wire

LEASE_SECONDS = 90
REDELIVERY_SECONDS = 720  # how long a queue waits before it delivers again: longer than DynamoDB remembers a token
LATE = (LEASE_SECONDS + 10, LEASE_SECONDS + 200, REDELIVERY_SECONDS)
AGAIN_RATE = 0.1
ENDINGS = (
    "answered",
    "answered",
    "answered",
    "answered",
    "answered",
    "answered to the last token",
    "cut",
    "throttled",
    "timed out",
    "crashed",
    "crashed after burning",
)


class Recorded:
    """A client's `Turns`: it tells the audit what the caller is about to do."""

    def __init__(self, turns, world):
        self.recall = turns.recall
        self.expire = turns.expire
        self.release = turns.release
        self._turns = turns
        self._world = world

    def reserve(self, reservation):
        self._world.seen["renumbered"] += self._world.audit.claims(reservation)
        self._turns.reserve(reservation)

    def settle(self, reservation, settlement):
        self._world.audit.settles(reservation.turn_id, settlement.charge)
        self._turns.settle(reservation, settlement)


class Client:
    """One process with a clock of its own."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.skew = (world.random() * 2 - 1) * SKEW_SECONDS
        wire = Wire(world)
        self.turns = Recorded(world.make_turns(wire, world.audit), world)
        self.admission = Admission(self.turns, DynamoConversations(wire), LEASE_SECONDS, self.clock)
        self.follower = Follower(world, wire, self.clock)

    def clock(self):
        return self.world.now + self.skew

    def _named(self):
        if self.world.story is not None:
            getcurrent().name = self.name


class Sweeper(Client):
    """Ends leases, some time from now."""

    def __init__(self, world, name, after):
        super().__init__(world, name)
        self.after = after

    def run(self):
        self._named()
        world = self.world
        if self.after:
            world.sleep(self.after)
        world.seen["sweep"] += 1
        world.sweeping = getattr(world, "sweeping", 0) + 1
        world.seen["two sweeps at once"] += world.sweeping == 2
        try:
            world.seen["lease ended"] += sweep(self.turns, self.clock())
        except StoreUnavailable:
            world.seen["sweep broke off"] += 1
        finally:
            world.sweeping -= 1


class Caller(Client):
    """Makes `count` turns, one after the other, under one key and whichever of the plans this process knows."""

    def __init__(self, world, name, *, who, plans, talks, count):
        super().__init__(world, name)
        self.who = who
        self.plans = plans
        self.talks = talks
        self.count = count

    def run(self):
        self._named()
        for number in range(self.count):
            self._turn(f"{self.name}{number}")

    def _turn(self, turn_id):
        world = self.world
        request = world.below(len(cast.REQUESTS))
        opened = self._opened(turn_id, request)
        if opened is None:
            return
        if world.random() < 0.08:
            self._hit(opened, cast.answers(request)[0][0])
            return
        claim = self._admitted(opened, lambda: self._held(opened, self._reserve(opened, request)))
        if claim is not None:
            self._model(opened, claim, request)

    def _opened(self, turn_id, request):
        """A turn whose memory was recalled, where anything in it matters; None where nothing was told."""
        world, now = self.world, self.clock()
        plan = self.plans[world.below(len(self.plans))] if len(self.plans) > 1 else self.plans[0]
        opened = cast.opened(self.who, plan, request)
        caller = msgspec.structs.replace(opened.caller, turn_id=turn_id, now=now)
        talks = self.talks and world.random() < 0.8
        conversation = cast.CONVERSATION if talks else None
        ask = msgspec.structs.replace(opened.ask, turn_id=turn_id, now=now, conversation=conversation)
        memory = opened.memory
        if talks or world.random() < 0.15:
            try:
                memory = self.turns.recall(Cue(ask.credential, now, (), conversation))
            except StoreUnavailable:
                return None
            caller = msgspec.structs.replace(caller, balances=memory.balances, exact=memory.exact)
        return msgspec.structs.replace(opened, ask=ask, caller=caller, memory=memory)

    def _reserve(self, opened, request):
        if opened.memory.conversation is None and self.world.random() < 0.3:
            return self.admission.reserve_plain(opened.caller, cast.bound(request), model=cast.MODEL.id)
        while True:
            with suppress(Overtaken):
                return self.admission.reserve(opened, self.follower.lead(opened.ask.turn_id))
            self.follower.wait()

    def _held(self, opened, claim):
        """Every turn is played with its charge held, as one in line is: charged at its end, it has nothing to break."""
        return self.admission.hold(claim, opened.caller) if claim.deferred else claim

    def _hit(self, opened, completion):
        claim = self._admitted(opened, lambda: self.admission.charge_hit(opened, completion, cast.TARGET))
        if claim is not None:
            self.world.seen["hit charged"] += 1
            self._acknowledge(claim, claim.turn)

    def _admitted(self, opened, reserve):
        """The claim, however often it takes; None where it is refused or given up."""
        seen = self.world.seen
        while True:
            try:
                claim = reserve()
            except (LimitExceeded, Conflict, NotFound) as refusal:
                seen[f"refused: {type(refusal).__name__}"] += 1
                return None
            except StoreUnavailable:
                if self._gives_up(opened.ask.turn_id):
                    return None
                seen["reservation repeated"] += 1
            else:
                seen["admitted"] += 1
                return claim

    def _gives_up(self, turn_id):
        """Not always; then it leaves the turn to its lease, or takes back what may have arrived, if it knows what."""
        choice = self.world.below(4)
        if choice > 1:
            return False
        self.world.seen["reservation given up"] += 1
        entry = self.world.audit.entries[turn_id]
        if choice and not entry.claim.final and not entry.renumbered:
            self.world.seen["released unseen"] += 1
            self._insist(lambda: self.turns.release(entry.claim), claim=entry.claim)
        return True

    def _model(self, opened, claim, request):
        """The fake model: it notes what it burns, and ends in one of the ways that models end in."""
        world = self.world
        how = ENDINGS[world.below(len(ENDINGS))]
        world.seen[how] += 1
        answers = cast.answers(request)
        completion, burned = answers[-1 if how == "answered to the last token" else world.below(len(answers))]
        world.note(claim.turn_id, how, burned)
        self._wait()
        if how == "crashed":
            raise GreenletExit
        if how == "throttled":
            self._throttled(claim, burned)
            return
        self._burn(claim, burned)
        if how == "crashed after burning":
            raise GreenletExit
        if how == "timed out":
            silence = ended(claim, Completion(), "", cut=True)
            self._insist(lambda: self.admission.settle(claim, claim.charge, silence), claim=claim)
            return
        turn = ended(claim, completion, cast.TARGET, cut=how == "cut")
        if self._insist(lambda: self.admission.settle(claim, burned, turn, output_tokens=0), claim=claim):
            self._acknowledge(claim, turn)
            self.follower.leave(claim.lead)
            self._again(claim, msgspec.structs.replace(burned, tokens=2 * burned.tokens))

    def _throttled(self, claim, burned):
        """Nothing was burned, and the turn is taken back."""
        if self._insist(lambda: self.turns.release(claim), claim=claim):
            self.follower.leave(claim.lead)
            self._again(claim, burned)

    def _again(self, claim, burned):
        """Seldom, a queue delivers a turn that is over: it burns in all so much, if it is let in."""
        if self.world.random() >= AGAIN_RATE:
            return
        self.world.seen["reserved again"] += 1
        try:
            self.turns.reserve(claim)
        except (Conflict, LimitExceeded):
            self.world.seen["refused: over"] += 1
        except StoreUnavailable:
            self.world.seen["reserved again in vain"] += 1
        else:
            self._burn(claim, burned)

    def _wait(self):
        """As long as a model takes; sometimes longer than the lease."""
        chance = self.world.random()
        if chance < 0.15:
            self.world.sleep(LATE[self.world.below(len(LATE))])
        elif chance < 0.25:
            self.world.sleep(1 + self.world.below(60))
        else:
            self.world.stop()

    def _burn(self, claim, burned):
        """The first half, then all of it."""
        half = msgspec.structs.replace(burned, tokens=burned.tokens // 2, usd_micros=burned.usd_micros // 2)
        self.world.audit.burns(claim.turn_id, half)
        self.world.stop()
        self.world.audit.burns(claim.turn_id, burned)

    def _insist(self, end, *, claim):
        """Whether the end of a turn was confirmed: repeated now, by a queue that delivers again, or given up."""
        world = self.world
        world.seen["ended after the lease"] += world.now > claim.lease_until
        if world.random() < 0.05:
            world.seen["ended by two at once"] += 1
            world.spawn(lambda: self._once(end))
        confirmed = self._once(end)
        while not confirmed:
            choice = world.random()
            if choice < 0.2:
                world.seen["end given up"] += 1
                return False
            if choice < 0.5:
                world.sleep(REDELIVERY_SECONDS)
            world.seen["end repeated"] += 1
            confirmed = self._once(end)
        if world.random() < 0.06:
            world.sleep((0, REDELIVERY_SECONDS)[world.below(2)])
            world.seen["end delivered again"] += 1
            self._once(end)
        return True

    def _once(self, end):
        self._named()
        try:
            return end() is not False
        except StoreUnavailable:
            return False

    def _acknowledge(self, claim, turn):
        """From here on the caller counts on the turn."""
        self.world.audit.entries[claim.turn_id].acknowledged = (claim, turn)
