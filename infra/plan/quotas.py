"""Which of an account's quotas a load breaks, and how each is raised."""

from math import ceil

import msgspec
from msgspec import Struct

from infra.plan.load import Load
from infra.plan.needs import Needs
from infra.plan.prices import Prices, Quota
from infra.stages import Stage

ROOM = 1.25  # what to ask for, against what is needed


class Demand(Struct, frozen=True):
    """One quota against what is needed of it; `asks` is what to ask for."""

    quota: Quota
    needed: float
    asks: int
    how: str

    @property
    def breaks(self) -> bool:
        return self.quota.default is not None and round(self.needed, 3) > self.quota.default


def demands(load: Load, needs: Needs, stage: Stage, prices: Prices) -> list[Demand]:
    """Every quota and the stage's throttle, the tightest first; those that differ from model to model at the end."""
    running = sum(needs.concurrency.values())
    grown = max(needs.concurrency[name] for name in needs.concurrency)
    amounts = {
        "lambda_concurrency": running,
        "lambda_growth": grown / RAMP_STEPS,
        "gateway_rate": load.peak * (1 + needs.mix.parts.later),
        "table_writes": max(needs.write_units.values(), default=0.0),
        "table_reads": max(needs.read_units.values(), default=0.0),
        "queue_in_flight": needs.line.in_flight,
        "workers": needs.line.workers,
        "model_tokens": needs.model_tokens,
        "model_requests": needs.model_requests,
    }
    known = dict(prices.quotas)
    if load.quota is not None:
        known["model_tokens"] = msgspec.structs.replace(known["model_tokens"], default=load.quota)
    found = [_demand(known[name], amount, load) for name, amount in amounts.items()]
    found.append(_let_in(stage, amounts["gateway_rate"]))
    return sorted(found, key=lambda each: -each.needed / (each.quota.default or float("inf")))


RAMP_STEPS = 6  # a burst that builds up over a minute has six times ten seconds


def _asks(needed: float) -> int:
    """With room, and without what floats add to it."""
    return ceil(round(needed * ROOM, 3))


def _let_in(stage: Stage, needed: float) -> Demand:
    """What is a setting of ours, and not the account's."""
    quota = Quota(f"Turns a second that {stage.name} lets in", "tidegate", default=stage.throttle.per_second)
    asks = _asks(needed)
    return Demand(quota, needed, asks, f"throttle of {stage.name} in infra/stages.py: {asks:,}")


def _demand(quota: Quota, needed: float, load: Load) -> Demand:
    asks = _asks(needed)
    if quota.code and quota.raises:
        how = (
            f"aws service-quotas request-service-quota-increase --service-code {quota.service}"
            f" --quota-code {quota.code} --desired-value {asks} --region {load.region}"
        )
    elif quota.raises:
        how = f"Service Quotas, {quota.service}: ask for {asks:,}"
    else:
        how = "cannot be raised"
    return Demand(quota, needed, asks, how)
