"""A seed, from its number to its verdict."""

from functools import lru_cache

from chalicelib.adapters.dynamodb import bodies
from chalicelib.domain.budget import WINDOWS, period
from chalicelib.pipeline.sweep import sweep
from tests.simulation import cast
from tests.simulation.audit import LETTERS, Violation
from tests.simulation.clients import LATE, LEASE_SECONDS, Caller, Sweeper
from tests.simulation.leads import Watch
from tests.simulation.transcripts import Transcript
from tests.simulation.world import SKEW_SECONDS, World

SWEEPS = (0, LEASE_SECONDS, *LATE)  # when they begin: those of LATE together with the settlements that come late
MIXED_RATE = 0.25
WHOLE_PART, SMALL_PART = bodies.PART_BYTES, 120


def play(seed, *, make_turns, story=None):
    """Run one seed to its end; the world that it ended in, or `Violation`."""
    world = World(seed, make_turns, story)
    with_talk = world.random() < 0.3
    bodies.PART_BYTES = SMALL_PART if with_talk and world.random() < 0.15 else WHOLE_PART
    try:
        transcript = _prepared(world, with_talk)
        world.run()
        _close(world, transcript)
        world.seen["token replayed"] += world.model.replayed
    finally:
        world.over = True
        bodies.PART_BYTES = WHOLE_PART
    return world


def _prepared(world, with_talk):
    """The clients, and the conversation if there is one."""
    transcript = None
    world.watchers.append(Watch(world).changed)
    if with_talk:
        table = world.model.stored[world.model.tables.conversations]
        table.set(cast.HEAD_PLACE, None, cast.HEAD)
        transcript = Transcript(world.model, world.audit.entries)
        world.watchers.append(transcript.changed)
        world.seen["conversation"] += 1
    plans = _plans(world)
    world.seen["shards"] += any(plan.shards for plan in plans)
    world.seen["plans"] += len(plans) > 1
    world.audit.limits(*(limit for plan in plans for limit in plan.limits))
    for number in range(2 + (world.random() < 0.1)):
        caller = Caller(
            world,
            "abc"[number],
            who=world.below(2 if with_talk else 3),
            plans=plans,
            talks=with_talk,
            count=1 + (world.random() < 0.05),
        )
        world.spawn(caller.run)
    if world.random() < 0.12:
        after = SWEEPS[world.below(len(SWEEPS))]
        for number in range(1 + (world.random() < 0.5)):
            world.spawn(Sweeper(world, f"sweep{number}", after).run)
    return transcript


def _plans(world):
    """One plan for all, or two: other keys have another, or it changes while they run."""
    plan = cast.PLANS[world.below(len(cast.PLANS))]
    if world.random() >= MIXED_RATE:
        return (plan,)
    others = cast.OTHERS[plan.name] if world.random() < 0.5 else cast.PLANS
    return plan, others[world.below(len(others))]


def _close(world, transcript):
    """All leases run out and one sweep runs, undisturbed: then everything must be in order, counted anew."""
    entries = world.audit.entries
    world.now += LEASE_SECONDS + 2 * SKEW_SECONDS
    if any(entry.state == "open" for entry in entries.values()):
        world.seen["lease left to the last sweep"] += 1
        sweep(world.make_turns(world.model, world.audit), world.now)
    for turn_id, entry in entries.items():
        if entry.state == "open":
            raise Violation(f"the reservation of {turn_id} is open after its lease and a sweep")
    _recount(world)
    if transcript is not None:
        transcript.close()


def _recount(world):
    """Every counter once more, from the turns and the domain's own periods."""
    for pk, held in _held(world.audit.entries.values()).items():
        found = world.audit.counted(pk)
        for name, amount in held.items():
            if found.get(name, 0) != amount and (pk, name) not in world.audit.forgotten:
                raise Violation(f"{pk} ended with {found.get(name, 0)} at {name}, its turns hold {amount}")


def _held(entries):
    """What turns hold in the windows of each subject, by counter."""
    held = {}
    for entry in entries:
        names = _names(entry.claim.made_at)
        for subject in entry.claim.subjects:
            counter = held.setdefault(f"{subject.kind}#{subject.tag}", {})
            for name, meter in names:
                counter[name] = counter.get(name, 0) + entry.held[meter]
    return held


@lru_cache(maxsize=4096)
def _names(moment):
    labels = [period(window, moment).label for window in WINDOWS]
    return tuple((label + letter, meter) for label in labels for meter, letter in enumerate(LETTERS))
