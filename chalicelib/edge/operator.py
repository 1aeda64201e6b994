"""Who administers: every route of the scope `admin` begins here, so that refused attempts of known keys are kept."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.domain.errors import Forbidden
from chalicelib.domain.identity import KeyEnded
from chalicelib.domain.trail import By
from chalicelib.edge.call import Call
from chalicelib.edge.trail_wire import by_of, route_of
from chalicelib.pipeline.services import Services


def admitting(opened: Callable[[], Services]) -> Callable[[Call], By]:
    """What lets administrators in; a stranger is refused without a write, and a key of ours with one a minute."""

    def operator(call: Call) -> By:
        use = opened()
        try:
            principal = use.gate.principal(call.credential, call.now, "admin")
        except (Forbidden, KeyEnded):
            use.trail.refused(by_of(call), route_of(call), call.credential.key_id)
            raise
        return by_of(call, principal)

    return operator
