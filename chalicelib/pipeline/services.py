"""The stages of a turn, one field for each, in the order in which a request meets them; then what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.pipeline.accounts import Accounts
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.archive import Archive
from chalicelib.pipeline.cache import AnswerCache
from chalicelib.pipeline.courier import Courier
from chalicelib.pipeline.erasure import Eraser
from chalicelib.pipeline.flights import SingleFlight
from chalicelib.pipeline.health import Health
from chalicelib.pipeline.history import History
from chalicelib.pipeline.homes import Homes
from chalicelib.pipeline.identify import Gate
from chalicelib.pipeline.keyring import Keyring
from chalicelib.pipeline.lane import Lane
from chalicelib.pipeline.notices import Notices
from chalicelib.pipeline.once import Once
from chalicelib.pipeline.plans import Plans
from chalicelib.pipeline.reception import Reception
from chalicelib.pipeline.review import Review
from chalicelib.pipeline.routing.router import Router
from chalicelib.pipeline.sizes import Sizes
from chalicelib.pipeline.strangers import Strangers
from chalicelib.pipeline.tenants import Tenants
from chalicelib.pipeline.threads import Threads
from chalicelib.pipeline.trail import Trail
from chalicelib.ports import Clock, Meter


@dataclass(frozen=True, slots=True)
class Services:
    """What `turn` works with; `bootstrap` builds it once. A stage in one Region has no homes."""

    gate: Gate
    history: History
    cache: AnswerCache
    admission: Admission
    flights: SingleFlight
    router: Router
    lane: Lane
    courier: Courier
    reception: Reception
    strangers: Strangers
    notices: Notices
    sizes: Sizes
    archive: Archive
    once: Once
    threads: Threads
    accounts: Accounts
    plans: Plans
    tenants: Tenants
    keyring: Keyring
    review: Review
    trail: Trail
    eraser: Eraser
    health: Health
    meter: Meter
    clock: Clock
    homes: Homes | None = None
