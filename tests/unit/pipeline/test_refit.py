"""What is learned of decisions, and what turns make of that: over memory, with the shipped prior."""

import msgspec
import pytest

from chalicelib.adapters.memory.decisions import MemoryDecisions, MemoryLessons
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.vectors import MemoryVectors
from chalicelib.adapters.verifier.weights import load
from chalicelib.domain.chat import Completion
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.errors import IndexUnavailable, StoreUnavailable
from chalicelib.domain.lessons import Feedback, Refitted, Ruling
from chalicelib.domain.semantic.calibration import FEWEST_REQUESTS, chances, untaught
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.turn_ids import turn_id
from chalicelib.domain.verdicts import Bound, Decision, Evidence, Namespace
from chalicelib.pipeline.refit import CHECK_WEIGHT, SETTLED_SECONDS, WORD_WEIGHT, Refitter

NOW = 1_780_000_000
SCOPE = AnswerScope("acme", "ada", "echo", "p1", "wordllama://")
GOOD = Evidence(4.0, 0.92)
PRIOR = load().prior
NAMESPACE = Namespace(SCOPE.tenant, SCOPE.embedder, "v1")


class Comparison:
    """Says that equal answers agree, that others do not, and nothing of one that is unclear."""

    def agree(self, fresh, stored):
        return None if "unclear" in (fresh, stored) else fresh == stored


class Place:
    """Decisions, answers, and the time."""

    def __init__(self):
        self.shelf, self.now, self.count = Shelf(), float(NOW), 0
        self.decisions, self.lessons, self.index = (
            MemoryDecisions(self.shelf),
            MemoryLessons(self.shelf),
            MemoryVectors(),
        )

    def decided(self, said, stored="yes", *, of=SCOPE, evidence=GOOD, serve=False, **changes):
        """A request whose candidate's answer was `stored`, and to which the model `said` this."""
        self.count += 1
        names = [f"{kind}{self.count}" for kind in ("fresh", "stored")]
        for name, text in zip(names, (said, stored), strict=True):
            if text is not None:
                self.shelf.answers[name] = CachedAnswer("s", Completion(text=text), "t", NOW - 60, NOW + 9_999)
        decision = Decision(
            serve=serve, tier="miss", reason="not sure enough", entry=names[1], threshold=0.9, evidence=evidence
        )
        made = Ruling(
            id=turn_id(self.now, self.count.to_bytes(10, "big")),
            request_id="r",
            at=int(self.now),
            user="ada",
            scope=of,
            verifier="v1",
            mode="serve",
            outcome="miss",
            decision=decision,
            entry_at=NOW - 60,
            fresh=names[0],
        )
        made = msgspec.structs.replace(made, **changes)
        self.decisions.put(made)
        return made

    def refitter(self, **changes):
        known = {"lessons": self.lessons, "index": self.index, "bound": Bound(0.01)}
        known |= {"comparison": Comparison, "prior": lambda: PRIOR} | changes
        return Refitter(clock=lambda: self.now + 1, **known)

    def run(self):
        self.now += SETTLED_SECONDS
        return self.refitter().run()

    @property
    def calibration(self):
        return self.lessons.course(NAMESPACE).calibration

    def lower(self, evidence=GOOD):
        """How sure turns are of a candidate by now, and how sure they have to be."""
        known = self.calibration or untaught(PRIOR)
        return float(chances(known, [evidence])[1][0]), known.line(Bound(0.01))


@pytest.fixture
def place():
    return Place()


def served(place, evidence=GOOD):
    lower, line = place.lower(evidence)
    return lower >= line


def labels(place):
    return [(label.right, label.weight) for label in place.calibration.labels]


def test_labels_of_what_was_served_that_were_wrong_are_counted(place):
    for serve in (True, False):
        for fresh in ("no", "yes"):
            place.decided(fresh, serve=serve)

    assert place.run() == Refitted(namespaces=1, labels=4, wrong=1)


def test_a_namespace_in_which_no_line_holds_the_bound_is_counted_as_shut(place):
    place.decided("yes")
    place.now += SETTLED_SECONDS

    assert place.refitter(bound=Bound(0.0)).run() == Refitted(namespaces=1, labels=1, shut=1)


def test_each_fresh_answer_beside_a_stored_one_is_a_label(place):
    for fresh in ("yes", "no", "unclear", None):
        place.decided(fresh)
    place.decided("yes", evidence=None)
    place.decided("yes", None)

    assert place.run() == Refitted(namespaces=1, labels=2)

    assert labels(place) == [(True, 1.0), (False, 1.0)]
    assert place.calibration.requests == (GOOD,) * 4 + (None, GOOD)


def test_a_hit_teaches_nothing_until_it_is_checked(place):
    place.decided("yes", outcome="semantic", fresh=None)
    place.decided("no", checked=True)

    place.run()

    assert labels(place) == [(False, CHECK_WEIGHT)]


def test_an_answer_that_was_replaced_since_teaches_nothing(place):
    made = place.decided("no")
    place.shelf.answers[made.decision.entry] = msgspec.structs.replace(
        place.shelf.answers[made.decision.entry], created_at=made.at + 1
    )

    place.run()

    assert labels(place) == []


def test_a_users_word_counts_for_ten_and_stands_before_a_comparison(place):
    hit = place.decided("yes", outcome="semantic", fresh=None)
    missed = place.decided("yes")
    for number, each in enumerate((hit, missed)):
        told = msgspec.structs.replace(each, correct=False)
        place.decisions.correct(Feedback(turn_id(place.now + 1, bytes([9] * 9 + [number])), told))

    place.now += 2
    place.run()

    assert labels(place) == [(False, WORD_WEIGHT)]
    assert len(place.calibration.requests) == 2


def test_nothing_is_learned_twice(place):
    place.decided("yes")
    place.run()
    place.now += 600

    assert place.run() == Refitted()
    assert len(place.calibration.requests) == 1


def test_what_is_too_young_is_left_for_the_next_run(place):
    place.decided("yes")

    assert place.refitter().run().namespaces == 0
    assert place.run().namespaces == 1


def test_namespaces_learn_for_themselves(place):
    place.decided("yes")
    place.decided("no", of=msgspec.structs.replace(SCOPE, tenant="evil"))
    place.decided("no", of=msgspec.structs.replace(SCOPE, embedder="other"))
    place.decided("no", verifier="v2")

    assert place.run() == Refitted(namespaces=4, labels=4)

    assert [
        [label.right for label in place.lessons.course(each).calibration.labels]
        for each in sorted(place.lessons.namespaces(), key=msgspec.structs.astuple)
    ] == [[False], [True], [False], [False]]


def test_wrong_labels_stop_it_from_serving(place):
    assert served(place)
    for _ in range(60):
        place.decided("no")

    place.run()

    assert not served(place)


def test_right_labels_let_it_serve_more(place):
    doubtful = Evidence(0.3, 0.7)
    assert not served(place, doubtful)
    for _ in range(3 * FEWEST_REQUESTS):
        place.decided("yes", evidence=doubtful)

    place.run()

    assert served(place, doubtful)


def test_without_news_nothing_is_opened_that_only_news_needs(place):
    place.decided("yes")
    place.run()

    def refuse():
        raise AssertionError

    done = place.refitter(comparison=refuse, prior=refuse).run()

    assert done.labels == 0


def test_of_two_refits_at_once_one_is_kept(place):
    place.decided("yes")
    first, second = place.refitter(), place.refitter()
    save = place.lessons.save

    def overtaken(namespace, course):
        place.lessons.save = save
        second.refit(namespace, place.now + SETTLED_SECONDS + 1)
        return save(namespace, course)

    place.lessons.save = overtaken

    assert first.refit(NAMESPACE, place.now + SETTLED_SECONDS + 1) == ()
    assert place.lessons.course(NAMESPACE).version == 1
    assert len(place.calibration.requests) == 1


def test_a_fault_in_one_namespace_does_not_keep_the_others_from_learning(place):
    place.decided("yes")
    place.decided("yes", of=msgspec.structs.replace(SCOPE, tenant="evil"))
    course = place.lessons.course

    def broken(namespace):
        if namespace.tenant == "evil":
            raise StoreUnavailable("down")
        return course(namespace)

    place.lessons.course = broken
    place.now += SETTLED_SECONDS

    assert place.refitter().run() == Refitted(namespaces=1, labels=1, failed=1)


def test_an_index_that_does_not_forget_by_itself_is_cleared(place):
    class Index:
        def expire(self, now):
            return 7

    class Broken:
        def expire(self, now):
            raise IndexUnavailable("down")

    assert place.refitter(index=Index()).run() == Refitted(expired=7)
    assert place.refitter(index=Broken()).run() == Refitted()
