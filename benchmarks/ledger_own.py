"""Tidegate's ledger under load: `python -m benchmarks.ledger_own`, driven by `benchmarks.ledger`."""

import os
import time
import uuid
from typing import Any

from benchmarks.ledger_jobs import Job, Take, Verdict, Wire, serve
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.bootstrap import open_database, open_keys
from chalicelib.domain.budget import Charge, Limit, Plan, Subject
from chalicelib.domain.errors import LimitExceeded, StoreBusy
from chalicelib.domain.identity import Principal, tenant_tag, user_tag
from chalicelib.domain.turn import Caller
from chalicelib.pipeline.admission import Admission
from chalicelib.settings import read


class WatchedDatabase(Database):
    """The product's way to DynamoDB, with a wire that counts."""

    def __init__(self, wire: Wire) -> None:
        plain = open_database(read(os.environ))
        super().__init__(plain.tables, pause=plain.pause)
        self._wire = wire

    def _connect(self) -> Any:
        unmade = self._client is None
        client = super()._connect()
        if unmade:
            self._wire.watch(client)
        return client


class OwnLedger:
    """Turns through the stage that reserves and settles."""

    def __init__(self, wire: Wire) -> None:
        database = WatchedDatabase(wire)
        self._keys = open_keys(database)
        self._admission = Admission(DynamoTurns(database), DynamoConversations(database), 900, time.time)

    def seat(self, job: Job) -> Take:
        """Plans come with the call: nothing is to be stored."""
        plan = Plan(
            name="bench",
            limits=tuple(Limit(each, "day", tokens=job.budget) for each in job.subjects),  # type: ignore[arg-type]
            shards=job.shards,
        )
        principals = [_principal(job.tenant, f"user{number}") for number in range(job.clients)]

        def take(client: int, estimate: int, burned: int) -> Verdict:
            caller = Caller(principals[client], plan, {}, uuid.uuid4().hex, time.time())
            try:
                claim = self._admission.reserve_plain(caller, Charge(1, estimate), model="small")
                self._admission.settle(claim, Charge(1, burned), output_tokens=0)
            except LimitExceeded:
                return "refused"
            except StoreBusy:
                return "busy"
            return "admitted"

        return take

    def used(self, job: Job) -> int:
        """As the headers have it, but of the shards too."""
        subject = Subject("tenant", tenant_tag(job.tenant))
        return self._keys.uses((subject,), time.time())[subject]["day"].used.tokens


def _principal(tenant: str, user: str) -> Principal:
    key_id = f"{tenant_tag(tenant)}{user_tag(tenant, user)}aaaaaaaa"
    return Principal(tenant, user, key_id, frozenset({"chat"}), "bench")


if __name__ == "__main__":
    watched = Wire()
    serve(OwnLedger(watched), watched)
