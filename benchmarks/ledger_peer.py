"""zae-limiter under the same load, in an environment of its own: `build/peers/bin/python -m benchmarks.ledger_peer`.

Its token bucket is used as a quota of the day, which does not drip: what comes closest to a limit of ours. Its
entities have one parent: key and tenant are one acquisition, the user is another around it.
"""

import os
import threading
from contextlib import ExitStack
from typing import Any, Final

from benchmarks.ledger_jobs import Job, Take, Verdict, Wire, serve

import zae_limiter  # type: ignore[import-not-found]  # isort: skip

MIDNIGHT: Final = "0 0 * * *"
STACK: Final = "bench-peer"


class PeerLedger:
    """Its synchronous API with its defaults, over a table of its own making."""

    def __init__(self, wire: Wire) -> None:
        place = {"region": os.environ["AWS_DEFAULT_REGION"], "endpoint_url": os.environ["AWS_ENDPOINT_URL"]}
        bare = zae_limiter.SyncRepository(name=STACK, _skip_deprecation_warning=True, **place)
        bare.create_table()
        for namespace in ("default", "bench"):
            bare.register_namespace(namespace)
        repository = zae_limiter.SyncRepository.open("bench", stack=STACK, auto_update=False, **place)
        wire.watch(repository._get_client())  # noqa: SLF001 - it has no public client
        self._limiter = zae_limiter.SyncRateLimiter(repository=repository)
        self._lock = threading.Lock()
        self._known: set[str] = set()

    def seat(self, job: Job) -> Take:
        """Entities and their limits are stored before the job: an acquisition names neither."""
        self._entity(job, "tenant", job.tenant)
        chains = [self._chain(job, number) for number in range(job.clients)]

        def take(client: int, estimate: int, burned: int) -> Verdict:
            try:
                with ExitStack() as stack:
                    leases = [stack.enter_context(self._acquire(entity, estimate)) for entity in chains[client]]
                    for lease in leases:
                        lease.adjust(tokens=burned - estimate)
            except zae_limiter.RateLimitExceeded:
                return "refused"
            except zae_limiter.RateLimiterUnavailable:
                return "busy"
            return "admitted"

        return take

    def used(self, job: Job) -> int:
        """What is not available any more."""
        return job.budget - int(self._limiter.available(job.tenant, "llm")["tokens"])

    def _acquire(self, entity: str, estimate: int) -> Any:
        return self._limiter.acquire(entity_id=entity, resource="llm", consume={"tokens": estimate})

    def _chain(self, job: Job, client: int) -> tuple[str, ...]:
        """The entities that a client's turn acquires, each with its parent."""
        if job.subjects == ("tenant",):
            return (job.tenant,)
        user, key = f"{job.tenant}-user{client}", f"{job.tenant}-key{client}"
        self._entity(job, "user", user)
        self._entity(job, "key", key, parent_id=job.tenant, cascade=True)
        return user, key

    def _entity(self, job: Job, kind: str, name: str, **family: Any) -> None:
        if name in self._known or kind not in job.subjects:
            return
        self._known.add(name)
        self._limiter.create_entity(entity_id=name, **family)
        self._limiter.set_limits(name, [zae_limiter.Limit.quota("tokens", job.budget, cron=MIDNIGHT)])


if __name__ == "__main__":
    watched = Wire()
    serve(PeerLedger(watched), watched)
