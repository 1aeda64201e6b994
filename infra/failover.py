"""Moves a home to another Region: `make failover STAGE=… FROM=us-east-1 TO=us-west-2 [PLAN=1]`; without FROM it tells.

FROM is the home: the Region whose tenants are moved, wherever they are served now. A fail-back is the same command with
TO=FROM. It writes one record, on which all Regions agree, and touches nothing else.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.dynamodb.client import Database, jittered
from chalicelib.adapters.dynamodb.regions import DynamoSeats
from chalicelib.adapters.dynamodb.table import SEATS, seats_table, tables
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.regions import HANDOVER_SECONDS, Seat, moved
from chalicelib.ports.regions import Seats
from chalicelib.settings import regions_of
from infra.deploy.faults import CannotDeploy
from infra.deploy.project import CONFIG, ROOT, Project
from infra.key import Refused
from infra.reach import reason
from infra.stages import STAGES

_REGIONS: Final = "TIDEGATE_REGIONS"
MOST_CLOCK_SECONDS: Final = 5  # by which this machine's clock may differ from the database's


def plan(seats: Mapping[str, Seat], regions: Sequence[str], home: str, to: str, now: int) -> tuple[Seat, Seat]:
    """The seat as it is and as it is to be; `Refused` says why it cannot be moved."""
    for name in (home, to):
        if name not in regions:
            raise Refused(f"'{name}' is no Region of this stage; there are {', '.join(regions)}")
    seat = seats.get(home) or Seat(home, home)
    if seat.at == to:
        raise Refused(f"the tenants of {home} are served in {to} already, since {_at(seat.since)}")
    return seat, moved(seat, to, now)


def move(seats: Seats, old: Seat, new: Seat) -> None:
    """Write the seat; `Refused` where somebody else moved it meanwhile."""
    if not seats.move(old, new):
        raise Refused(f"the home {old.home} was moved by somebody else meanwhile: look again")


def told(seats: Mapping[str, Seat], regions: Sequence[str]) -> list[str]:
    """A line for each home."""
    found = [seats.get(home) or Seat(home, home) for home in regions]
    return [f"{seat.home}: served in {seat.at}, epoch {seat.epoch}, since {_at(seat.since)}" for seat in found]


def foretold(old: Seat, new: Seat) -> list[str]:
    """What a move will do, a line for each thing."""
    minutes = HANDOVER_SECONDS / 60
    return [
        f"{new.home}: from {old.at} to {new.at}, epoch {new.epoch}",
        f"{old.at} admits no turn of these tenants any more: within 3 minutes, also where it is cut off",
        f"{new.at} admits them from {_at(new.since)} on, in {minutes:.1f} minutes; until then they are told 503",
        f"limits: what {old.at} may have charged and {new.at} does not see counts as used until it arrives",
    ]


def _at(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(second)) if second else "ever"


def _clock(stage: str) -> int:
    """The time, if this machine and the database agree on it: when the new home begins depends on it."""
    client: Any = botocore.session.Session().create_client("dynamodb")
    head = client.get_item(TableName=seats_table(stage), Key=SEATS)["ResponseMetadata"]["HTTPHeaders"]
    now = time.time()
    if "date" in head and abs(parsedate_to_datetime(head["date"]).timestamp() - now) > MOST_CLOCK_SECONDS:
        raise Refused("this machine's clock is wrong, and when the new home begins depends on it: set it first")
    return int(now)


def regions_in(environ: Mapping[str, str], stage: str) -> list[str]:
    """The Regions of a stage, as its functions are told."""
    if stage not in STAGES:
        raise Refused(f"there is no stage '{stage}': say STAGE={'|'.join(STAGES)}")
    named = environ.get(_REGIONS) or Project(ROOT, stage).environment.get(_REGIONS)
    if not named:
        raise Refused(f"the stage '{stage}' has one Region: {CONFIG} gives it no {_REGIONS}")
    return list(regions_of(named))


def _run(environ: Mapping[str, str]) -> None:
    stage = environ.get("STAGE", "")
    regions = regions_in(environ, stage)
    seats = DynamoSeats(Database(tables(stage), pause=jittered(time.sleep, random.random)), stage)
    known = seats.all()
    if not environ.get("FROM"):
        print("\n".join(told(known, regions)))
        return
    old, new = plan(known, regions, environ["FROM"], environ.get("TO", ""), _clock(stage))
    print("\n".join(foretold(old, new)))
    if environ.get("PLAN"):
        return
    move(seats, old, new)
    print("moved")


def status(run: Callable[[Mapping[str, str]], None], failed: str) -> int:
    """What a command about homes ends with: 1 after one sentence, begun with `failed`, on what is in the way."""
    try:
        run(os.environ)
    except (Refused, CannotDeploy, TidegateError, BotoCoreError, ClientError) as fault:
        print(f"{failed}: {reason(fault, os.environ)}", file=sys.stderr)
        return 1
    return 0


def main() -> int:
    """Print what was done, or what is in the way."""
    return status(_run, "no home was moved")


if __name__ == "__main__":
    sys.exit(main())
