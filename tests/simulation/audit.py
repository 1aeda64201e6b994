"""What must hold after each write and each burned token, told by the turns alone and never by the ledger's own word.

A turn's record says what it holds: all that was reserved while it is open or expired, what was burned once it is
settled, nothing once it is released. Counters are the sums of what is held, whatever was retried, lost or doubled.
"""

from datetime import UTC, datetime
from functools import lru_cache

from chalicelib.domain.budget import METERS, WINDOWS, size
from chalicelib.domain.ledger import subjects_of
from tests.simulation.cast import CREDENTIALS
from tests.simulation.database import NAMES

LETTERS = "rtu"
SAVED = "hsv"
NOTHING = (0, 0, 0)
SUBJECTS = tuple(dict.fromkeys(f"{each.kind}#{each.tag}" for cast in CREDENTIALS for each in subjects_of(cast)))
FORGOTTEN_SECONDS = 170  # after a minute ended, its counters may go; clocks are up to 5 s apart
HOLDING = {"open", "expired"}
STEPS = {  # what may become of a record: it is settled or released once
    None: {"open", "settled", "released"},
    "open": {"settled", "released", "expired"},
    "expired": {"settled", "released"},
}


class Violation(AssertionError):
    """The ledger broke a promise."""


class Entry:
    """One turn as its callers and the fake model know it. Amounts are (requests, tokens, usd_micros)."""

    __slots__ = (
        "acknowledged",
        "burned",
        "charge",
        "claim",
        "exposed",
        "held",
        "names",
        "renumbered",
        "saved",
        "settled",
        "state",
        "watched",
    )

    def __init__(self, claim):
        self.claim = claim
        self.charge = amounts(claim.charge)
        self.names = names(claim.made_at // 60)
        self.saved = saved(claim) if claim.final else ()
        self.watched = None
        self.renumbered = False
        self.state = None
        self.settled = self.charge if claim.final else None
        self.held = self.burned = self.exposed = NOTHING
        self.acknowledged = None

    def holds(self, state):
        """What a record in that state keeps charged."""
        if state in HOLDING:
            return self.charge
        return self.settled if state == "settled" else NOTHING

    def places(self, limited):
        """Which counters with a limit the turn is in: each with its meter and the turn's own limit, if it has one."""
        if self.watched is None:
            tags = {each.kind: f"{each.kind}#{each.tag}" for each in self.claim.subjects}
            own = {}
            for each in self.claim.limits:
                for meter in METERS:
                    if (most := size(each, meter)) is not None:
                        own[each.subject, each.window, meter] = most
            self.watched = [
                ((tags[kind], self.names[3 * WINDOWS.index(window) + place][0]), place, own.get((kind, window, meter)))
                for kind, window, meter in limited
                for place in [METERS.index(meter)]
            ]
        return self.watched


class Audit:
    """Follows every change of the tables. `now` is the true time."""

    def __init__(self, now):
        self.now = now
        self.entries = {}
        self.expected = {pk: {} for pk in SUBJECTS}
        self.limited = set()
        self.exposed = {}
        self.forgotten = set()
        self.shards = {}
        self.ledger = None  # the model's table, once there is a model

    def limits(self, *limits):
        """Every limit that anybody has; burned and reserved are summed where there is one."""
        self.limited |= {(each.subject, each.window, meter) for each in limits for meter in METERS if size(each, meter)}

    # what callers and the fake model say

    def claims(self, claim):
        """A caller is about to reserve; whether it tries another number in the conversation than before."""
        entry = self.entries.get(claim.turn_id)
        if entry is None:
            self.entries[claim.turn_id] = Entry(claim)
            return False
        before, entry.claim = entry.claim, claim
        if claim.turn is None or claim.turn.number == before.turn.number:
            return False
        entry.renumbered = True
        return True

    def settles(self, turn_id, charge):
        """A caller is about to settle."""
        entry, settled = self.entries[turn_id], amounts(charge)
        if entry.settled not in {None, settled}:
            raise ValueError(f"{turn_id} is settled with two amounts: the simulator's fault")
        entry.settled = settled

    def burns(self, turn_id, charge):
        """The fake model burned so much for the turn, in all."""
        entry = self.entries[turn_id]
        entry.burned = amounts(charge)
        self._check(entry)

    # what the database says

    def changed(self, changes):
        """One write, at one moment."""
        touched = []
        for table, place, old, new in changes:
            if table is self.ledger:
                if place[1] == "lease":
                    touched += self._recorded(place[0], old, new)
                else:
                    touched.append(self._root(place[0]))
        for pk in dict.fromkeys(touched):
            self._compare(pk)

    def _recorded(self, pk, old, new):
        """The subjects whose counters the record's step must have moved."""
        before, after = old and old["state"]["S"], new and new["state"]["S"]
        entry = self.entries.get(pk.removeprefix("turn#"))
        if entry is None or before != entry.state or (after != before and after not in STEPS.get(before, ())):
            raise Violation(f"{pk} went from {before} to {after}")
        if before == after:
            return ()
        if (held := entry.holds(after)) is None:
            raise Violation(f"{pk} was settled by nobody")
        delta = minus(held, entry.held)
        entry.state, entry.held = after, held
        self._check(entry)
        pks = [f"{each.kind}#{each.tag}" for each in entry.claim.subjects]
        if delta != NOTHING:
            self._add(pks, [(name, delta[meter]) for name, meter in entry.names])
        self._add(pks, entry.saved if after == "settled" else ())
        if "open" in (before, after):
            self._opened(entry, pks, 1 if after == "open" else -1)
        return pks

    def _add(self, pks, changes):
        for pk in pks:
            counter = self.expected[pk]
            for name, amount in changes:
                counter[name] = counter.get(name, 0) + amount

    def _opened(self, entry, pks, sign):
        """What is open is held, and takes one of the key's places."""
        _, tokens, usd_micros = entry.charge
        self._add(pks, [("held_t", sign * tokens), ("held_u", sign * usd_micros)])
        key = self.expected[next(pk for pk in pks if pk.startswith("key#"))]
        key["open"] = running = key.get("open", 0) + sign
        most = entry.claim.concurrent
        if sign > 0 and most is not None and running > most:
            raise Violation(f"{running} turns of a key are open where {most} may be")

    def _root(self, pk):
        """The subject that an item counts for, whose shards have names that begin with its own."""
        root = "#".join(pk.split("#", 2)[:2])
        if root != pk:
            self.shards.setdefault(root, {})[pk] = None
        return root

    def counted(self, pk):
        """What a subject's items say that it used and holds: a shard's window is the room that is left to it."""
        item = self.ledger.get((pk, "windows")) or {}
        found = {name: int(value["N"]) for name, value in item.items() if "N" in value}
        for shard in self.shards.get(pk, ()):
            for name, value in (self.ledger.get((shard, "windows")) or {}).items():
                if "N" in value:
                    is_room = name[0] in "mdn" and name[-1] in LETTERS
                    found[name] = found.get(name, 0) + (-int(value["N"]) if is_room else int(value["N"]))
        return found

    def _compare(self, pk):
        """The counters are what the turns hold: nothing drifted, nothing was half done."""
        expected = self.expected[pk]
        if pk not in self.shards and _same((self.ledger.get((pk, "windows")) or {}), expected):
            return
        found = self.counted(pk)
        for name in [*expected, *(found.keys() - expected.keys())]:
            if found.get(name, 0) == expected.get(name, 0):
                continue
            if not self._is_over(name):
                raise Violation(f"{pk} has {found.get(name, 0)} at {name}, its turns hold {expected.get(name, 0)}")
            expected.pop(name, None)
            self.forgotten.add((pk, name))

    def _is_over(self, name):
        """Whether it counts a minute that is long over, which a charge may remove."""
        return name.startswith("m") and (int(name[1:-1]) + 1) * 60 + FORGOTTEN_SECONDS < self.now()

    def _check(self, entry):
        """Nothing burned is uncharged, and no limit is passed by what is burned and what still may be."""
        burned, held = entry.burned, entry.held
        if burned[0] > held[0] or burned[1] > held[1] or burned[2] > held[2]:
            raise Violation(f"{entry.claim.turn_id} ({entry.state}) burned {burned} and is charged {held}")
        exposed = entry.charge if entry.state in HOLDING else entry.burned
        delta = minus(exposed, entry.exposed)
        if delta == NOTHING:
            return
        entry.exposed = exposed
        for place, meter, most in entry.places(self.limited):
            self.exposed[place] = amount = self.exposed.get(place, 0) + delta[meter]
            if most is not None and amount > most and delta[meter] > 0:
                raise Violation(f"{' '.join(place)}: {amount} of {most} are burned or reserved")


def _same(item, expected):
    """Whether an item without shards counts what is expected: nearly always, and faster than finding out where not."""
    for name, amount in expected.items():
        found = item.get(name)
        if (0 if found is None else int(found["N"])) != amount:
            return False
    return len(item) <= len(expected) + 2


def saved(claim):
    """The counters of what an answer from the cache saved, by day and by month."""
    charge = amounts(claim.saved)
    if charge == NOTHING:
        return ()
    return tuple(
        (name[:-1] + SAVED[meter], charge[meter]) for name, meter in names(claim.made_at // 60) if name[0] != "m"
    )


def amounts(charge):
    return charge.requests, charge.tokens, charge.usd_micros


def minus(one, other):
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


@lru_cache(maxsize=4096)
def names(minute):
    """The counters of the windows that a minute lies in, each with its meter's place."""
    moment = datetime.fromtimestamp(minute * 60, UTC)
    labels = (f"m{minute}", moment.strftime("d%Y%m%d"), moment.strftime("n%Y%m"))
    return tuple((label + letter, meter) for label in labels for meter, letter in enumerate(LETTERS))


LEDGER = NAMES.ledger
