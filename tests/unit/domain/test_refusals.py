"""What a refusal tells of the limit that it met."""

import pytest

from chalicelib.domain.budget import Charge, Gauge, Limit
from chalicelib.domain.ledger import demands, subjects_of
from chalicelib.domain.turn import Reservation
from tests.builders import NOW, a_credential


def refusal(limit, used, **charge):
    claim = Reservation("turn", subjects_of(a_credential()), (limit,), Charge(**charge), NOW, NOW + 900)
    (demand,) = demands(claim)
    return demand.refusal(used, NOW)


@pytest.mark.parametrize("used", [10, 12])
def test_of_a_limit_that_is_gone_headers_tell_that_nothing_is_left(used):
    assert refusal(Limit("key", "minute", tokens=10), used, tokens=1).gauge == ("tokens", Gauge(10, 0, 20))


def test_money_is_told_in_dollars():
    told = refusal(Limit("key", "minute", usd_micros=2_000_000), 1_500_000, usd_micros=750_000).message

    assert "$2.00" in told
    assert "$0.75" in told
    assert "$0.50" in told
