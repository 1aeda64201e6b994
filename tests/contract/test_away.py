"""What was used in another Region counts against a limit, exactly, and where a subject is hot."""

import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.errors import LimitExceeded
from chalicelib.domain.turn import Away, Settlement
from tests.contract.samples import reservation

LIMIT = Limit("tenant", "day", tokens=1_000)
COST = Charge(requests=1, tokens=300)
EXACT, HOT = {}, {"shards": 4, "hot": ("tenant",)}
AWAY = (Away("tenant", "day", Charge(tokens=500)), Away("user", "day", Charge(tokens=9_000)))


def claim(turn_id, form, away=AWAY):
    return reservation(turn_id, charge=COST, limits=(LIMIT,), away=away, **form)


@pytest.mark.parametrize("form", [EXACT, HOT], ids=["exact", "hot"])
def test_what_was_used_elsewhere_counts_against_the_limit(stores, form):
    stores.turns.reserve(claim("t-1", form))

    with pytest.raises(LimitExceeded) as caught:
        stores.turns.reserve(claim("t-2", form))

    assert (caught.value.remaining, caught.value.asked) == (200, 300)
    assert "tokens per day of the tenant (1000)" in caught.value.message


@pytest.mark.parametrize("form", [EXACT, HOT], ids=["exact", "hot"])
def test_what_is_gone_elsewhere_is_refused_until_the_window_ends(stores, form):
    with pytest.raises(LimitExceeded) as caught:
        stores.turns.reserve(claim("t-1", form, (Away("tenant", "day", Charge(tokens=900)),)))

    assert caught.value.remaining == 100
    assert caught.value.retry_after_seconds is not None


@pytest.mark.parametrize("form", [EXACT, HOT], ids=["exact", "hot"])
def test_what_is_settled_gives_room_again_though_more_is_gone_elsewhere_by_then(stores, form):
    first = claim("t-1", form)
    stores.turns.reserve(first)
    stores.turns.settle(first, Settlement(Charge(requests=1, tokens=100)))

    stores.turns.reserve(claim("t-2", form, (Away("tenant", "day", Charge(tokens=600)),)))
    with pytest.raises(LimitExceeded) as caught:
        stores.turns.reserve(claim("t-3", form, (Away("tenant", "day", Charge(tokens=600)),)))

    assert caught.value.remaining == 0
