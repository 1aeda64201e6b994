"""What Regions know of each other: a register in each one's own ledger, and the table on which they all agree."""

from __future__ import annotations

from typing import Any

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import balances
from chalicelib.adapters.dynamodb.table import REGISTER, SEATS, Attributes, identity, seats_table, subject_key, tables
from chalicelib.adapters.dynamodb.transact import write
from chalicelib.domain.budget import Balances, Subject
from chalicelib.domain.regions import Register, Seat

_seats = msgspec.json.Decoder(dict[str, Seat])
_register = msgspec.json.Decoder(Register)


class DynamoSeats:
    """`Seats` over a global table that is strongly consistent: who is cut off cannot even read it."""

    def __init__(self, database: Database, stage: str) -> None:
        self._database = database
        self._table = seats_table(stage)

    def all(self) -> dict[str, Seat]:
        """One GetItem."""
        item = self._item()
        return _seats.decode(item["body"]["S"]) if item else {}

    def move(self, old: Seat, new: Seat) -> bool:
        """One GetItem and one PutItem."""
        item = self._item()
        known = _seats.decode(item["body"]["S"]) if item else {}
        if known.get(old.home, Seat(old.home, old.home)) != old:
            return known.get(old.home) == new
        body = {"S": msgspec.json.encode(known | {new.home: new}).decode()}
        put: dict[str, Any] = {"TableName": self._table, "Item": {**SEATS, "body": body}}
        put["ConditionExpression"] = "body IN (:old, :new)" if item else "attribute_not_exists(pk) OR body = :new"
        put["ExpressionAttributeValues"] = {":new": body, **({":old": item["body"]} if item else {})}
        return not write(self._database, [{"Put": put}])

    def _item(self) -> Attributes | None:
        request = {"TableName": self._table, "Key": SEATS, "ConsistentRead": True}
        item: Attributes | None = self._database.call("get_item", request).get("Item")
        return item


class DynamoRegisters:
    """`Registers` over the ledgers: this Region writes one, and has replicas of the others."""

    def __init__(self, database: Database, stage: str) -> None:
        self._database = database
        self._stage = stage

    def write(self, register: Register) -> None:
        """One PutItem."""
        item: Attributes = {
            **REGISTER,
            "renewed_at": {"N": str(register.renewed_at)},
            "body": {"S": msgspec.json.encode(register).decode()},
        }
        put = {
            "TableName": self._database.tables.ledger,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk) OR renewed_at <= :at",
            "ExpressionAttributeValues": {":at": item["renewed_at"]},
        }
        write(self._database, [{"Put": put}])

    def read(self, region: str) -> Register | None:
        """One GetItem."""
        request = {"TableName": self._ledger(region), "Key": REGISTER, "ConsistentRead": True}
        item: Attributes | None = self._database.call("get_item", request).get("Item")
        return _register.decode(item["body"]["S"]) if item else None

    def used(self, region: str, subjects: tuple[Subject, ...], now: float) -> Balances:
        """One BatchGetItem. Of a hot subject the root alone: what it leased is taken for used."""
        ledger = self._ledger(region)
        found = batch.read(self._database, {ledger: [subject_key(subject) for subject in subjects]})
        items = {each.kind: found.get((ledger, *identity(subject_key(each))), {}) for each in subjects}
        return balances(items, now)

    def _ledger(self, region: str) -> str:
        return tables(self._stage, region).ledger
