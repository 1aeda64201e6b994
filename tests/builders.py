"""Values that tests begin with: each builder makes a good one, and a test names only what it is about."""

import json
from pathlib import Path
from types import SimpleNamespace

import msgspec

from chalicelib.domain.budget import Limit, Plan
from chalicelib.domain.cache_key import Place
from chalicelib.domain.catalogue import Catalogue, Model, Prices, Target
from chalicelib.domain.chat import ChatRequest, Completion, Options, Usage, User
from chalicelib.domain.conversation import Conversation, MessageItem, Turn
from chalicelib.domain.identity import RANDOM_BYTES, Key, Peppers, Principal, mint, tenant_tag, user_tag
from chalicelib.domain.trail import Actor, By
from chalicelib.domain.turn import Ask, Caller, Memory, Opened

NOW = 1_780_000_000  # 2026-05-28T20:26:40Z
PEPPERS = Peppers(1, {1: b"pepper"})
BY = By(f"{NOW * 1000:012x}{0:020x}", NOW, "192.0.2.7", "r-1", Actor("root", "operators", "first"))
EVENTS = Path(__file__).parent / "events"
CONTEXT = SimpleNamespace(aws_request_id="request", get_remaining_time_in_millis=lambda: 30_000)


def a_credential(tenant="acme", user="ada", *, number=0):
    return mint(tenant, user, live=False, random=number.to_bytes(RANDOM_BYTES, "little"))


def a_key(credential, tenant="acme", user="ada", **fields):
    digest = PEPPERS.digest(credential.token, PEPPERS.current)
    scopes = frozenset({"chat"})
    stored = Key(credential.key_id, tenant, user, scopes, "standard", digest, PEPPERS.current, NOW - 60)
    return msgspec.structs.replace(stored, **fields)


def a_principal(tenant="acme", user="ada", **fields):
    key_id = tenant_tag(tenant) + user_tag(tenant, user) + "aaaaaaaa"
    return msgspec.structs.replace(Principal(tenant, user, key_id, frozenset({"chat"}), "standard"), **fields)


WIDE = Limit("user", "month", requests=1_000_000)
"""Limits nobody, and has a plan's turns charged before they run."""


def a_plan(*limits, **fields):
    return Plan(name=fields.pop("name", "standard"), limits=limits, **fields)


def a_model(name="small", *uris, **fields):
    known = {"max_output_tokens": 1_000, "default_output_tokens": 100, "context_tokens": 8_000}
    known["capabilities"] = frozenset({"tools", "json_schema", "images", "reasoning"})
    targets = tuple(Target(uri) for uri in uris or ("simulated://echo",))
    prices = Prices(input=1_000_000, output=2_000_000)
    return Model(id=name, **{**known, "targets": targets, "prices": prices, **fields})


def a_catalogue(*models):
    return Catalogue(models or (a_model(), a_model("large")))


def a_request(*messages, model="small", max_output_tokens=100, **options):
    said = messages or ("What is a tide?",)
    heard = tuple(User(each) if isinstance(each, str) else each for each in said)
    return ChatRequest(model, heard, max_output_tokens, Options(**options))


def an_ask(*messages, credential=None, request=None, **fields):
    asked = request or a_request(*messages, max_output_tokens=0)
    ask = Ask(credential or a_credential(), asked, fields.pop("turn_id", "0" * 31 + "1"), fields.pop("now", NOW))
    return msgspec.structs.replace(ask, **fields)


def a_memory(**fields):
    return msgspec.structs.replace(Memory(None, {}, {}, {}, None), **fields)


def a_caller(plan=None, **fields):
    caller = Caller(a_principal(), plan or a_plan(), {}, "0" * 31 + "1", NOW)
    return msgspec.structs.replace(caller, **fields)


def an_opened(*messages, **fields):
    request = fields.pop("request", None) or a_request(*messages)
    ask = fields.pop("ask", None) or an_ask(request=request)
    opened = Opened(ask, a_caller(), a_model(), request, a_memory(), Place("scope", "key"))
    return msgspec.structs.replace(opened, **fields)


def a_completion(text="A tide is a rise of the sea.", **fields):
    usage = Usage(input_tokens=10, output_tokens=8)
    return msgspec.structs.replace(Completion(text=text, usage=usage), **fields)


def a_conversation(**fields):
    return msgspec.structs.replace(Conversation("conv_1", a_principal().owner, NOW), **fields)


def a_turn(number=1, *items, **fields):
    said = items or (MessageItem(role="user", content=f"question {number}"),)
    return msgspec.structs.replace(Turn(f"{number:032x}", number, NOW, said), **fields)


def an_event(name, *, key=None, **changes):
    """A recorded API Gateway event, with this call's key and what else differs."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    if key is not None:
        event["headers"]["Authorization"] = f"Bearer {key}"
        event["multiValueHeaders"]["Authorization"] = [f"Bearer {key}"]
    return {**event, **changes}
