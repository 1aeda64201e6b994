"""Every table, key and item shape; nothing else builds a key.

access         pk = key#<key id>                            GSIs by-tenant, by-plan
               pk = tenant#<tag>                            GSI by-plan
               pk = plans                                   all of them, an attribute each
               pk = event#<id>                              of the audit trail; GSI by-time; keys in trail.py
ledger         pk = <subject kind>#<tag>, sk = windows      what it used, by period and meter
               pk = <kind>#<tag>#<family>.<n>, sk = windows a hot subject's shard: room that is left to it
               pk = turn#<turn id>, sk = lease              a reservation's record; GSI open-leases
               pk = target#<name>, sk = breaker             whether a target is to be left alone
               pk = target#<name>, sk = quota#<minute>      what was leased of its quota
               pk = regions, sk = register                  what the Region knows of who is home where
conversations  pk = <conversation id>, sk = head            GSI by-owner
               …, sk = turn#<number>                        a turn, with the first part of its body
               …, sk = turn#<number>#<turn id>#<digest>#<n> further parts of the body with that digest
               pk = <response id>, sk = response            a response, in by-owner apart; parts in responses.py
answers        pk = <exact cache key>                       an answer, or the turn that asks for it; GSI by-owner
entries        pk = scopes#<tenant>, sk = <user>#<digest>   a scope's head: its parts, and how often it changed
               pk = scope#<digest>, sk = <written ms>#<id>  an entry, or what was taken back; keys in entry_items.py
               pk = decisions#<tenant>, sk = <turn id>      what the cache decided, or what a user said of it
               pk = namespaces#<n>, sk = <tenant>#<digest>  that there is one, and the fit that turns read
               pk = lessons#<tenant>, sk = <digest>         what that comes from
               pk = floor#<exact key>, sk = floor           how sure a match with that answer has to be
               pk = purges#<tenant>, sk = all               what was purged; keys of these five in decision_items.py
seats          pk = seats                                   where homes are, once one was moved
jobs           pk = job#<turn id>, sk = job                 a job; GSIs open-jobs, by-owner; keys in job_items.py
               pk = receipt#<digest>, sk = receipt          what is kept of an idempotency key; GSI by-owner
               pk = erasure#<owner>, sk = erasure           how far the erasure of a user is; GSI open-jobs
"""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import Subject
from chalicelib.domain.conversation import Conversation, Metadata, TurnRef
from chalicelib.domain.identity import TAG_LENGTH, Key, Tenant, tenant_tag
from chalicelib.domain.turn import Left, Reservation

Attributes = dict[str, dict[str, Any]]
"""An item, a key or expression values, as the wire has them."""

LEASES: Final = "open-leases"
BY_OWNER: Final = "by-owner"
BY_PLAN: Final = "by-plan"
BY_TENANT: Final = "by-tenant"
FOREVER: Final = 2**53  # an epoch second that never comes
LEASE_SHARDS: Final = tuple(str(shard) for shard in range(16))
RECORD_DAYS: Final = 7  # longer than any queue redelivers
PLAN_PREFIX: Final = "plan."
OF_A_REGION: Final = ("ledger", "jobs")  # tables that one Region writes, and others read
REGISTER: Final[Attributes] = {"pk": {"S": "regions"}, "sk": {"S": "register"}}
SEATS: Final[Attributes] = {"pk": {"S": "seats"}}
PLANS: Final[Attributes] = {"pk": {"S": "plans"}}

_claim = msgspec.json.Decoder(Reservation)
_metadata = msgspec.json.Decoder(Metadata)


class Tables(Struct, frozen=True):
    """The names of the six tables."""

    access: str
    ledger: str
    conversations: str
    answers: str
    entries: str
    jobs: str


def tables(stage: str, region: str = "") -> Tables:
    """The tables of one stage, as the template names them; where it has several Regions, those that `region` writes."""
    apart = {each: f"-{region}" for each in OF_A_REGION if region}
    return Tables(*(f"tidegate-{stage}-{each}{apart.get(each, '')}" for each in Tables.__struct_fields__))


def seats_table(stage: str) -> str:
    """The one table on which all Regions of a stage agree."""
    return f"tidegate-{stage}-seats"


def key_key(key_id: str) -> Attributes:
    return {"pk": {"S": f"key#{key_id}"}}


def tenant_key(tenant: str) -> Attributes:
    return tagged_tenant_key(tenant_tag(tenant))


def tagged_tenant_key(tag: str) -> Attributes:
    """Where the record of the tenant with that tag is."""
    return {"pk": {"S": f"tenant#{tag}"}}


def key_item(key: Key) -> Attributes:
    """A key, in the index of its tenant, and in that of its plan unless it is revoked."""
    return {
        **key_key(key.key_id),
        "body": {"S": msgspec.json.encode(key, order="deterministic").decode()},
        "tenant_tag": {"S": key.key_id[:TAG_LENGTH]},
        **({} if key.revoked_at is not None else _plan_use(key.plan, key.expires_at)),
    }


def tenant_item(tenant: Tenant) -> Attributes:
    """A tenant's record, in the index of its plan."""
    body = {"S": msgspec.json.encode(tenant).decode()}
    return {**tenant_key(tenant.tenant), "body": body, **(_plan_use(tenant.plan, None) if tenant.plan else {})}


def _plan_use(plan: str, until: int | None) -> Attributes:
    """Who has a plan, and until which epoch second."""
    return {"plan_name": {"S": plan}, "plan_until": {"N": str(FOREVER if until is None else until)}}


def answer_key(key: str) -> Attributes:
    return {"pk": {"S": key}}


def subject_key(subject: Subject) -> Attributes:
    return {"pk": {"S": f"{subject.kind}#{subject.tag}"}, "sk": {"S": "windows"}}


def shard_key(subject: Subject, family: str, place: int) -> Attributes:
    return {"pk": {"S": f"{subject.kind}#{subject.tag}#{family}.{place}"}, "sk": {"S": "windows"}}


def book_key(place: Attributes, label: str, model: str = "") -> Attributes:
    """Beside a subject's counters: its day by one model; models sort before `book_key(place, label + "$")`."""
    return {"pk": place["pk"], "sk": {"S": f"book#{label}#{model}"}}


def breaker_key(name: str) -> Attributes:
    return {"pk": {"S": f"target#{name}"}, "sk": {"S": "breaker"}}


def quota_key(name: str, minute: int) -> Attributes:
    return {"pk": {"S": f"target#{name}"}, "sk": {"S": f"quota#{minute}"}}


def lease_key(turn_id: str) -> Attributes:
    return {"pk": {"S": f"turn#{turn_id}"}, "sk": {"S": "lease"}}


def head_key(conversation_id: str) -> Attributes:
    return {"pk": {"S": conversation_id}, "sk": {"S": "head"}}


def turn_key(conversation_id: str, number: int) -> Attributes:
    return {"pk": {"S": conversation_id}, "sk": {"S": turn_sk(number)}}


def part_key(conversation_id: str, number: int, turn_id: str, digest: str, place: int) -> Attributes:
    sk = f"{turn_sk(number)}#{turn_id}#{digest}#{place:05d}"
    return {"pk": {"S": conversation_id}, "sk": {"S": sk}}


def turn_sk(number: int) -> str:
    """Where a turn and its parts begin; `after_turn` is where they end."""
    return f"turn#{number:010d}"


def after_turn(number: int | None = None) -> str:
    """Behind every part of a turn, or of all turns: `$` sorts after `#`."""
    return "turn$" if number is None else f"{turn_sk(number)}$"


def identity(item: Attributes) -> tuple[str, str]:
    """What an item is called within its table."""
    return item["pk"]["S"], item["sk"]["S"] if "sk" in item else ""


def primary(item: Attributes) -> Attributes:
    """The key of an item."""
    return {"pk": item["pk"], "sk": item["sk"]}


def lease_item(reservation: Reservation) -> Attributes:
    """The record of a reservation: all that settling and expiring need, and that tells a repetition."""
    item: Attributes = {
        **lease_key(reservation.turn_id),
        "turn_id": {"S": reservation.turn_id},
        "state": {"S": "settled" if reservation.final else "open"},
        "ttl": {"N": str(record_ends(reservation))},
    }
    if not reservation.final:
        shard = LEASE_SHARDS[crc32(reservation.turn_id.encode()) % len(LEASE_SHARDS)]
        claim = msgspec.structs.replace(reservation, limits=(), turn=None, lead=None, away=(), seen={})
        item |= {"lease_shard": {"S": shard}, "lease_until": {"N": str(reservation.lease_until)}}
        item["claim"] = {"S": msgspec.json.encode(claim).decode()}
    if reservation.conversation is not None and reservation.turn is not None:
        item["conversation"] = {"S": reservation.conversation}
        item["number"] = {"N": str(reservation.turn.number)}
    return item


def record_ends(reservation: Reservation) -> int:
    """The epoch second from which on nobody asks for the reservation any more."""
    return reservation.lease_until + RECORD_DAYS * 86_400


def claim_of(record: Attributes) -> Reservation:
    """What a record of an open reservation says was claimed; its turn is in the conversation."""
    return _claim.decode(record["claim"]["S"])


def left_of(record: Attributes) -> Left:
    """What a record says to a call that takes its turn up again."""
    place = None
    if "conversation" in record:
        place = TurnRef(record["conversation"]["S"], int(record["number"]["N"]))
    return Left(record["state"]["S"], claim_of(record) if "claim" in record else None, place)


def head_item(conversation: Conversation) -> Attributes:
    return {
        **head_key(conversation.id),
        "owner": {"S": conversation.owner},
        "created_key": {"S": created_key(conversation)},
        "created_at": {"N": str(conversation.created_at)},
        "metadata": {"S": metadata_text(conversation.metadata)},
        "last": {"N": str(conversation.last)},
    }


def created_key(conversation: Conversation) -> str:
    """Where a conversation stands in its owner's list."""
    return f"{conversation.created_at:012d}#{conversation.id}"


def metadata_text(metadata: Metadata) -> str:
    return msgspec.json.encode(metadata).decode()


def conversation_of(head: Attributes) -> Conversation:
    """The conversation behind a head; from the index, which does not follow every turn, `last` is 0."""
    return Conversation(
        id=head["pk"]["S"],
        owner=head["owner"]["S"],
        created_at=int(head["created_at"]["N"]),
        metadata=_metadata.decode(head["metadata"]["S"]),
        last=int(head["last"]["N"]) if "last" in head else 0,
    )
