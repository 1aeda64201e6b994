"""Watches the emulator's DynamoDB: a change to an item is in the journal before its request is answered.

What no file has must not be read back, nor be acknowledged when its caller asks again: an emulator that cannot
write ends at once, and the next one begins where the journal does.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from ministack.services import dynamodb

from infra.local.faults import stop_at_once
from infra.local.journal import Change, Item
from infra.local.snapshots import Snapshots

Table = dict[str, Any]
Answer = tuple[int, dict[str, str], str | bytes]

# A journal says nothing of tables, so that a request which changes one ends in a snapshot.
_TABLE_ACTIONS: Final = frozenset({"CreateTable", "DeleteTable", "UpdateTable", "UpdateTimeToLive"})


class Recorder:
    """Stands between the emulator's handlers and its tables, where all of its writes pass."""

    def __init__(self, snapshots: Snapshots, save: Callable[[], None]) -> None:
        self._snapshots = snapshots
        self._save = save
        self._request = threading.local()
        self._set_item = dynamodb._set_item
        self._remove_item = dynamodb._remove_item
        self._handle = dynamodb.handle_request

    def restore(self) -> None:
        """Bring the tables from the snapshot's state to that of the last acknowledged write."""
        for arn, hash_key, range_key, item in self._snapshots.journal.replay():
            table = _find_table(arn)
            if table is None:
                continue
            if item is None:
                self._remove_item(table, hash_key, range_key)
            else:
                self._set_item(table, hash_key, range_key, item)

    def attach(self) -> None:
        dynamodb._set_item = self._set
        dynamodb._remove_item = self._remove
        dynamodb.handle_request = self._answer

    def _set(self, table: Table, hash_key: str, range_key: str, item: Item) -> Item | None:
        before: Item | None = self._set_item(table, hash_key, range_key, item)
        self._note((table["TableArn"], hash_key, range_key, item))
        return before

    def _remove(self, table: Table, hash_key: str, range_key: str) -> Item | None:
        before: Item | None = self._remove_item(table, hash_key, range_key)
        if before is not None:
            self._note((table["TableArn"], hash_key, range_key, None))
        return before

    def _note(self, change: Change) -> None:
        changes: list[Change] | None = getattr(self._request, "changes", None)
        if changes is None:  # no request: the thread that expires items
            self._append([change])
        else:
            changes.append(change)

    async def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        # A handler awaits nothing, so that changes are appended in the order in which they were made.
        changes: list[Change] = []
        self._request.changes = changes
        try:
            answer: Answer = await self._handle(method, path, headers, body, query)
        finally:
            self._request.changes = None
            if changes:
                self._append(changes)
        if headers.get("x-amz-target", "").rpartition(".")[2] in _TABLE_ACTIONS:
            self._save_tables()
        return answer

    def _append(self, changes: list[Change]) -> None:
        journal = self._snapshots.journal
        try:
            journal.append(changes)
        except OSError as fault:
            stop_at_once(f"the journal {journal.path} cannot be written: {fault.strerror or fault}")

    def _save_tables(self) -> None:
        try:
            self._save()
        except OSError as fault:
            stop_at_once(f"no snapshot can be written beside {self._snapshots.path}: {fault.strerror or fault}")


def _find_table(arn: str) -> Table | None:
    _, _, _, region, account, name = arn.split(":", 5)
    table: Table | None = dynamodb._tables.get_scoped(account, region, name.removeprefix("table/"))
    return table
