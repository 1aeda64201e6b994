"""What is still known of periods that are over."""

import pytest

from chalicelib.domain.budget import Charge, Subject
from tests.contract.samples import ADA, BOB, CHARGE, NOW, cue, reservation

DAY = 86_400
SAVED = Charge(1, 500, 9)
KEY = Subject("key", ADA.key_id)


def past(stores, now, subject=KEY):
    return {each.period.label: each for each in stores.history.past((subject,), now)}


def test_a_year_of_months_and_two_days_are_told(stores):
    labels = [each.period.label for each in stores.history.past((KEY,), 1_774_958_400)]  # 2026-03-31 12:00

    assert labels == [f"n2025{month:02}" for month in range(3, 13)] + ["n202601", "n202602", "n202603"] + [
        "d20260330",
        "d20260331",
    ]


def test_what_was_used_stays_with_its_month_and_day(stores):
    stores.turns.reserve(reservation("t-1"))
    stores.turns.recall(cue(now=NOW + DAY))
    stores.turns.reserve(reservation("t-2", now=NOW + DAY))

    then, now = past(stores, NOW), past(stores, NOW + DAY)

    days = [each.used for label, each in now.items() if label.startswith("d")]
    assert days == [CHARGE, CHARGE]
    assert [each.used for label, each in then.items() if label.startswith("d")] == [Charge(), CHARGE]


def test_months_outlast_the_turns_that_came_after(stores):
    moments = [NOW + month * 30 * DAY for month in range(13)]
    for number, now in enumerate(moments):
        stores.turns.recall(cue(now=now))
        stores.turns.reserve(reservation(f"t-{number}", now=now))

    months = [each for label, each in past(stores, moments[-1]).items() if label.startswith("n")]

    assert sum(each.used.requests for each in months) == 13


def test_what_the_cache_saved_is_known_of_this_month_and_the_last(stores):
    stores.turns.reserve(reservation("t-1", charge=Charge(requests=1), final=True, saved=SAVED))
    month_later = NOW + 31 * DAY
    stores.turns.recall(cue(now=month_later))
    stores.turns.reserve(reservation("t-2", now=month_later))

    months = [each for each in past(stores, month_later).values() if each.period.window == "month"]

    assert [each.saved for each in months] == [None] * 11 + [SAVED, Charge()]


@pytest.mark.parametrize("hot", [("key",), ("key", "user", "tenant")])
def test_what_shards_counted_is_told_as_if_one_item_had(stores, hot):
    for number in range(6):
        stores.turns.reserve(reservation(f"t-{number}", shards=4, hot=hot))

    told = past(stores, NOW + DAY)

    assert sum(each.used.requests for each in told.values() if each.period.window == "day") == 6


def test_each_subject_has_its_own(stores):
    stores.turns.reserve(reservation("t-1", credential=BOB))

    assert {each.used for each in past(stores, NOW).values()} == {Charge()}
