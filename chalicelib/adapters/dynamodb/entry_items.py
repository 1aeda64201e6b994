"""Entries of the semantic index as items, and items as stretches of a log; numpy comes with the first vector."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from chalicelib.adapters.dynamodb.table import Attributes
from chalicelib.domain.entries import AnswerScope, Entry, Gone, Row, Stretch

MOST_BYTES: Final = 16_000  # of a question and its vector: two questions of that length are hardly ever alike
GONE_SECONDS: Final = 86_400  # longer than any process remembers a scope that it does not look at

_STEPS: Final = 127  # to either side of zero: what a signed byte has

Second = Annotated[int, Meta(ge=0, lt=1 << 53)]


class _Body(Struct, frozen=True, array_like=True):
    """What an entry's item holds besides its key. The digest of its scope shows an item that is in the wrong place."""

    scope: str
    id: str
    question: str
    answer: str  # empty where it is the id
    created_at: Second
    expires_at: Second
    vector: Annotated[bytes, Meta(min_length=1)]  # a signed byte for each dimension: its direction is all that counts
    said: str = ""


_body = msgspec.msgpack.Decoder(_Body)
_gone = msgspec.msgpack.Decoder(Gone)


def scope_heads_key(tenant: str) -> dict[str, str]:
    """The partition with the heads of a tenant's scopes."""
    return {"S": f"scopes#{tenant}"}


def scope_head_key(scope: AnswerScope) -> Attributes:
    return {"pk": scope_heads_key(scope.tenant), "sk": {"S": f"{scope.user}#{scope_digest(scope)}"}}


def scope_of_head(head: Attributes) -> AnswerScope:
    """The scope behind its head."""
    return AnswerScope(*msgspec.json.decode(head["label"]["S"], type=tuple[str, str, str, str, str]))


@lru_cache(maxsize=256)
def scope_digest(scope: AnswerScope) -> str:
    """What a scope is called in keys: a label has no bound. A turn calls it so four times."""
    return hashlib.sha256(scope.label.encode()).hexdigest()[:32]


def entries_key(scope: AnswerScope) -> dict[str, str]:
    """The partition with a scope's entries."""
    return {"S": f"scope#{scope_digest(scope)}"}


def entry_key(scope: AnswerScope, at_ms: int, name: str) -> Attributes:
    return {"pk": entries_key(scope), "sk": {"S": f"{written_sk(at_ms)}#{name}"}}


def written_sk(at_ms: int) -> str:
    """Where entries begin that were written in a millisecond since 1970."""
    return f"{at_ms:014d}"


def written_ms(item: Attributes) -> int:
    """When an entry was written."""
    return int(item["sk"]["S"][:14])


def entry_item(entry: Entry, now: float) -> Attributes | None:
    """The item of an entry that is written at `now`; None for one that is too large, or means nothing."""
    import numpy as np

    vector = np.frombuffer(entry.vector, "<f4")
    peak = float(np.abs(vector).max(initial=0.0))
    if not 0 < peak < math.inf:
        return None
    body = _Body(
        scope=scope_digest(entry.scope),
        id=entry.id,
        question=entry.question,
        answer="" if entry.answer == entry.id else entry.answer,
        created_at=entry.created_at,
        expires_at=entry.expires_at,
        vector=np.rint(vector * (_STEPS / peak)).astype(np.int8).tobytes(),
        said=entry.said,
    )
    packed = msgspec.msgpack.encode(body)
    if len(packed) > MOST_BYTES:
        return None
    return {
        **entry_key(entry.scope, int(now * 1000), entry.id),
        "entry": {"B": packed},
        "ttl": {"N": str(entry.expires_at)},
    }


def gone_item(scope: AnswerScope, gone: Gone, now: float) -> Attributes:
    """What tells other processes that entries were taken back."""
    packed = msgspec.msgpack.encode(gone)
    return {
        **entry_key(scope, int(now * 1000), f"!{hashlib.sha256(packed).hexdigest()[:16]}"),
        "gone": {"B": packed},
        "ttl": {"N": str(int(now) + GONE_SECONDS)},
    }


def is_entry_of(item: Attributes, ids: set[str] | None, until: int) -> bool:
    """Whether an item is an entry that a removal means: one of the ids, or any, created up to `until`."""
    body = _body_of(item)
    if body is None:
        return "entry" in item and ids is None  # what cannot be read goes with all the others
    return body.created_at <= until and (ids is None or body.id in ids)


def stretch_of(scope: AnswerScope, items: Sequence[Attributes]) -> Stretch:
    """Items of one Query, at least one. What says that it is of another scope, or cannot be read, is left out."""
    digest = scope_digest(scope)
    bodies = _alike([body for item in items if (body := _body_of(item)) and body.scope == digest])
    return Stretch(
        scope=scope,
        cursor=max(written_ms(item) for item in items),
        rows=tuple(
            Row(each.id, each.question, each.answer or each.id, each.created_at, each.expires_at, each.said)
            for each in bodies
        ),
        vectors=_unit_rows(each.vector for each in bodies),
        gone=tuple(_gone_of(item) for item in items if "gone" in item),
    )


def _body_of(item: Attributes) -> _Body | None:
    """None for what is no entry, or none that this release can read."""
    try:
        return _body.decode(item["entry"]["B"]) if "entry" in item else None
    except msgspec.DecodeError:
        return None


def _gone_of(item: Attributes) -> Gone:
    """What cannot be read may have taken anything back: it is taken to have taken everything."""
    try:
        return _gone.decode(item["gone"]["B"])
    except msgspec.DecodeError:
        return Gone(written_ms(item) // 1000)


def _alike(bodies: Sequence[_Body]) -> list[_Body]:
    """Those with a vector of the length that most have, and of some direction."""
    lengths = Counter(len(body.vector) for body in bodies)
    usual = max(lengths, key=lambda length: (lengths[length], length), default=0)
    return [body for body in bodies if len(body.vector) == usual and any(body.vector)]


def _unit_rows(vectors: Iterable[bytes]) -> bytes:
    """The vectors as float32 of unit length, behind one another."""
    import numpy as np

    packed = list(vectors)
    if not packed:
        return b""
    rows = np.frombuffer(b"".join(packed), np.int8).reshape(len(packed), -1).astype("<f4")
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.tobytes()
