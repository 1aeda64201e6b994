"""Clients that ask the same at once: one leads, the others wait; and what must hold of the marker of the lead."""

from contextlib import suppress

from chalicelib.adapters.dynamodb.answers import DynamoAnswers
from chalicelib.domain.chat import Completion
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.lead import Lead
from chalicelib.domain.turn import CachedAnswer
from tests.simulation.audit import Violation
from tests.simulation.cast import TARGET

KEY = "the same question"
LEAD_SECONDS = 30
ANSWER_SECONDS = 15
EVERY = 4  # of so many seeds one has clients that ask the same


class Follower:
    """A caller's side of it: whether its turns lead, how it waits, and what it leaves."""

    def __init__(self, world, wire, clock):
        self.world = world
        self.clock = clock
        self.answers = DynamoAnswers(wire)
        self.leads = world.seed % EVERY == 1

    def lead(self, turn_id):
        """What the turn is reserved with."""
        now = int(self.clock())
        return Lead(KEY, turn_id, now, now + LEAD_SECONDS) if self.leads else None

    def wait(self):
        """Another leads: look again at once, later, or ask beside it from now on."""
        self.world.seen["overtaken"] += 1
        choice = self.world.below(3)
        if choice == 0:
            self.leads = False
        elif choice == 1:
            self.world.sleep(1 + self.world.below(2 * LEAD_SECONDS))
        else:
            with suppress(StoreUnavailable):
                self.answers.look(KEY, self.clock())

    def leave(self, lead):
        """The turn is over: its answer takes the place of the lead, the lead is taken back, or nothing is done."""
        choice = self.world.below(3) if lead is not None else 2
        with suppress(StoreUnavailable):
            if choice == 0:
                now = int(self.clock())
                answer = CachedAnswer("1:s", Completion(text="42"), TARGET, now, now + ANSWER_SECONDS)
                self.world.seen["answer kept"] += self.answers.store(KEY, answer)
            elif choice == 1:
                self.answers.cede(lead)
                self.world.seen["lead taken back"] += 1


class Watch:
    """Follows the marker through every write."""

    def __init__(self, world):
        self.table = world.model.stored[world.model.tables.answers]

    def changed(self, changes):
        for table, _, old, new in changes:
            if table is not self.table:
                continue
            if new is not None and "leader" in new:
                self._led(old, new, changes)
            elif new is None and old is not None and "leader" not in old:
                raise Violation("an answer was taken back")

    def _led(self, old, new, changes):
        leader = new["leader"]["S"]
        alive = old is not None and int(old["ttl"]["N"]) > int(new["since"]["N"])
        if alive and old.get("leader") != new["leader"]:
            raise Violation(f"{leader} leads where there is {old.get('leader', 'an answer')}")
        if not any(place == (f"turn#{leader}", "lease") and before is None for _, place, before, _ in changes):
            raise Violation(f"{leader} leads without a reservation")
