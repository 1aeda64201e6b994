"""Values that the contracts are told with."""

import random

import msgspec

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.chat import Completion, Usage
from chalicelib.domain.conversation import Conversation, InputText, MessageItem, OutputText, Turn
from chalicelib.domain.identity import Credential, Key, mint
from chalicelib.domain.ledger import owner_of, subjects_of
from chalicelib.domain.turn import CachedAnswer, Cue, Reservation, Settlement

NOW = 4_116_918_625  # 2100-06-16 12:30:25 UTC: no clock of today calls anything expired
LEASE_SECONDS = 600

ADA = mint("acme", "ada", live=False, random=bytes(25))
BOB = mint("acme", "bob", live=False, random=bytes(25))
EVE = mint("evil", "eve", live=False, random=bytes(25))
OWNER = owner_of(subjects_of(ADA))
CHARGE = Charge(requests=1, tokens=100, usd_micros=7)


def key(credential=ADA, **changes):
    made = Key(
        key_id=credential.key_id,
        tenant="acme",
        user="ada",
        scopes=frozenset({"chat"}),
        plan="free",
        digest="d" * 64,
        pepper_version=1,
        created_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def cue(credential: Credential = ADA, *, now=NOW, answers=(), conversation=None):
    return Cue(credential, now, answers, conversation)


def limit(subject, window, meter, size):
    return Limit(subject, window, **{meter: size})


def reservation(turn_id="t-1", *, credential=ADA, charge=CHARGE, limits=(), now=NOW, **changes):
    made = Reservation(
        turn_id=turn_id,
        subjects=subjects_of(credential),
        limits=tuple(limits),
        charge=charge,
        made_at=now,
        lease_until=now + LEASE_SECONDS,
    )
    return msgspec.structs.replace(made, **changes)


def in_conversation(turn_id="t-1", number=1, *, text="Hello", conversation="conv_1", **changes):
    """A reservation that opens a turn of a conversation."""
    opened = turn(turn_id, number, said(text), state="open", lease_until=NOW + LEASE_SECONDS)
    return reservation(turn_id, conversation=conversation, turn=opened, **changes)


def answered(claim, text="Hi!", *, charge=CHARGE):
    """The settlement of a reservation whose model said `text`."""
    turn = claim.turn and msgspec.structs.replace(
        claim.turn,
        items=(*claim.turn.items, answer(text)),
        state="done",
        target="simulated://echo",
        usage=Usage(input_tokens=3, output_tokens=5),
        lease_until=0,
    )
    return Settlement(charge, turn)


def conversation(conversation_id="conv_1", *, owner=OWNER, created_at=NOW, **metadata):
    return Conversation(id=conversation_id, owner=owner, created_at=created_at, metadata=metadata)


def turn(turn_id, number, *items, state="done", lease_until=0):
    return Turn(
        id=turn_id,
        number=number,
        created_at=NOW,
        items=items,
        state=state,
        model="echo",
        lease_until=lease_until,
    )


def said(text):
    return MessageItem(role="user", content=(InputText(text),))


def answer(text):
    return MessageItem(role="assistant", content=(OutputText(text),), status="completed")


def noise(size, seed=0):
    """Text of `size` bytes that compresses to about three quarters, as an image in a message does."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    table = (alphabet * 4)[:256]
    return random.Random(seed).randbytes(size).translate(table).decode()


def cached(text="42", *, expires_at=NOW + 60, scope="1:s"):
    return CachedAnswer(scope, Completion(text=text), target="simulated://echo", created_at=NOW, expires_at=expires_at)
