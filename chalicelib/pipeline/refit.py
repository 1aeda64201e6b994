"""Learns from what the semantic cache decided: a fresh answer beside a stored one is a label, and so is a user's word.

It runs on a schedule, in a function of its own. Turns read the fit that comes of it within a minute or so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chalicelib.domain.errors import TidegateError
from chalicelib.domain.lessons import Course, Feedback, Refitted, Ruling
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.turn_ids import started
from chalicelib.domain.verdicts import UNREACHABLE, Bound, Label, Namespace
from chalicelib.ports import Clock, Comparison, Lessons, VectorIndex

if TYPE_CHECKING:
    from chalicelib.domain.semantic.calibration import Prior

SETTLED_SECONDS: Final = 120.0  # a turn that took longer is not learned from
MOST_TOLD: Final = 2_000  # decisions of a tenant that one run reads: what a calibration remembers
WORD_WEIGHT: Final = 10.0  # of a user's word: that of as many misses
CHECK_WEIGHT: Final = 3.0  # of a checked hit: one of few, where it matters
_SIMULATED: Final = "simulated:"  # its answers are made of the questions, and are as alike as those are
RUN_SECONDS: Final = 40.0  # what is not refitted by then is the next run's


@dataclass(frozen=True, slots=True)
class Refitter:
    """Refits every namespace that has news. Two runs at once are safe: of one namespace, one of them is kept.

    What needs numpy comes with the first news: without any, a cold start would be half as long again.
    """

    lessons: Lessons
    comparison: Callable[[], Comparison]
    prior: Callable[[], Prior]
    bound: Bound
    index: VectorIndex
    clock: Clock

    def run(self) -> Refitted:
        """A fault in one namespace is counted, and the next one goes on."""
        began = self.clock()
        learned: list[Refitted] = []
        failed = 0
        for namespace in self.lessons.namespaces():
            if self.clock() - began >= RUN_SECONDS:
                break
            try:
                learned += self.refit(namespace, began)
            except TidegateError:
                failed += 1
        return Refitted(
            namespaces=len(learned),
            labels=sum(each.labels for each in learned),
            wrong=sum(each.wrong for each in learned),
            shut=sum(each.shut for each in learned),
            failed=failed,
            expired=self._expired(began),
        )

    def refit(self, namespace: Namespace, now: float) -> Sequence[Refitted]:
        """Learn what is new in a namespace, and say what; nothing where nothing is, or another run was first."""
        course, until = self.lessons.course(namespace), started(now - SETTLED_SECONDS)
        told = [
            each
            for each in self.lessons.since(namespace.tenant, course.cursor, until, MOST_TOLD)
            if _ruling(each).namespace == namespace
        ]
        if not told:
            return ()
        from chalicelib.domain.semantic.calibration import drawn, refitted, seen, taught, untaught

        labels, prior = self._labels(told, now), self.prior()
        calibration = course.calibration or untaught(prior)
        for each in told:
            if isinstance(each, Ruling):
                calibration = seen(calibration, each.decision.evidence)
            if each.id in labels:
                calibration = taught(calibration, labels[each.id])
        calibration = drawn(refitted(calibration, prior, self.bound))
        kept = self.lessons.save(namespace, Course(calibration, until, course.version + 1, int(now)))
        wrong = sum(not labels[each.id].right for each in told if each.id in labels and _ruling(each).decision.serve)
        shut = calibration.line(self.bound) >= UNREACHABLE
        return (Refitted(labels=len(labels), wrong=wrong, shut=int(shut)),) if kept else ()

    def _labels(self, told: Sequence[Ruling | Feedback], now: float) -> dict[str, Label]:
        """By the ids of what taught them."""
        rulings = [each for each in told if isinstance(each, Ruling) and each.correct is None]
        pairs = {each.id: (each.fresh, each.decision.entry) for each in rulings if each.fresh and each.decision.entry}
        answers = self.lessons.answers(sorted({key for pair in pairs.values() for key in pair if key}), now)
        labels = dict(self._compared(rulings, pairs, answers))
        for each in told:
            evidence = _ruling(each).decision.evidence
            if isinstance(each, Feedback) and evidence is not None and each.ruling.outcome == "semantic":
                labels[each.id] = Label(evidence, bool(each.ruling.correct), WORD_WEIGHT)
        return labels

    def _compared(
        self, rulings: Sequence[Ruling], pairs: Mapping[str, tuple[str, str]], answers: Mapping[str, CachedAnswer]
    ) -> Iterator[tuple[str, Label]]:
        for each in rulings:
            fresh, stored = (answers.get(key) for key in pairs.get(each.id, ("", "")))
            if each.decision.evidence is None or fresh is None or stored is None or stored.created_at > each.at:
                continue  # the stored one was replaced since
            if fresh.target.startswith(_SIMULATED) or stored.target.startswith(_SIMULATED):
                continue
            right = self.comparison().agree(fresh.completion.text or "", stored.completion.text or "")
            if right is not None:
                yield each.id, Label(each.decision.evidence, right, CHECK_WEIGHT if each.checked else 1.0)

    def _expired(self, now: float) -> int:
        """How many entries an index that does not forget by itself was rid of."""
        try:
            return self.index.expire(now)
        except TidegateError:
            return 0


def _ruling(told: Ruling | Feedback) -> Ruling:
    return told if isinstance(told, Ruling) else told.ruling
