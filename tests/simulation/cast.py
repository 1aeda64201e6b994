"""Who takes part in a seed, made once: keys of two users of one tenant, plans with tight limits, requests, answers."""

from functools import cache

import msgspec

from chalicelib.adapters.dynamodb.table import head_item, identity
from chalicelib.domain.budget import METERS, Limit, Plan, size
from chalicelib.domain.catalogue import charge
from chalicelib.domain.chat import Completion, Usage
from chalicelib.domain.conversation import Conversation
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.identity import Principal
from chalicelib.domain.turn import Caller
from tests.builders import a_credential, a_model, a_request, an_ask, an_opened

MODEL = a_model()
CREDENTIALS = (a_credential(), a_credential(number=1), a_credential(user="bob"))
PRINCIPALS = tuple(
    Principal("acme", user, credential.key_id, frozenset({"chat"}), "standard")
    for user, credential in zip(("ada", "ada", "bob"), CREDENTIALS, strict=True)
)
CONVERSATION = "conv_1"
REQUESTS = tuple(a_request("What is a tide?", max_output_tokens=cap) for cap in (20, 60, 100))
TARGET = "simulated://echo"
MOMENTS = (  # shortly before the end of a minute, a day and a month of 2100, and in the middle of them all
    4_116_918_657,
    4_116_959_996,
    4_118_083_195,
    4_116_918_625,
)
TWO = 2 * input_bound(REQUESTS[0])  # limits admit the input of about two turns, whatever the estimate makes of it
LIMITS = (
    Limit("tenant", "minute", tokens=TWO + 102),
    Limit("tenant", "day", tokens=TWO + 152),
    Limit("tenant", "month", usd_micros=TWO + 282),
    Limit("tenant", "minute", requests=2, tokens=TWO + 192),
    Limit("user", "minute", requests=2),
    Limit("user", "day", tokens=TWO + 82),
    Limit("user", "month", requests=2, usd_micros=TWO + 372),
    Limit("key", "minute", tokens=TWO + 72),
    Limit("key", "day", requests=2),
    Limit("key", "month", tokens=TWO + 112, usd_micros=TWO + 242),
)
LAYOUTS = [
    (),
    *((limit,) for limit in LIMITS),
    *zip(LIMITS, LIMITS[3:], strict=False),
    *zip(LIMITS, LIMITS[4:], LIMITS[7:], strict=False),
]
SHARDS = {
    1: 2,
    4: 3,
    12: 2,
    19: 3,
}  # plans that count their tenant in so many items: a read and a write more for each turn
PLANS = tuple(
    Plan(f"plan-{number}", limits, concurrent=(None, None, 1, 2)[number % 4], shards=SHARDS.get(number, 0))
    for number, limits in enumerate(LAYOUTS)
)


def _scaled(limit, part):
    sizes = {meter: int(most * part) for meter in METERS if (most := size(limit, meter)) is not None}
    return msgspec.structs.replace(limit, **sizes)


OTHERS = {  # the same plan as it was before or will be: lower, higher, without limits, in other shards
    plan.name: tuple(
        msgspec.structs.replace(
            plan, limits=tuple(_scaled(each, part) for each in plan.limits) if part else (), shards=shards
        )
        for part, shards in ((0.75, plan.shards), (1.5, 0), (1.5, 3), (1, 2), (0, 0), (0, 2))
    )
    for plan in PLANS
}


def _head():
    item = head_item(Conversation(CONVERSATION, PRINCIPALS[0].owner, MOMENTS[0] - 1))
    return identity(item), item


HEAD_PLACE, HEAD = _head()


@cache
def opened(who, plan, request):
    """A turn about to be reserved, still without its id and its moment."""
    caller = Caller(PRINCIPALS[who], plan, {}, "", 0.0)
    asked = REQUESTS[request]
    ask = an_ask(credential=CREDENTIALS[who], request=asked)
    return msgspec.structs.replace(an_opened(request=asked), ask=ask, caller=caller, model=MODEL)


@cache
def bound(request):
    """What a reservation for the request charges."""
    asked = REQUESTS[request]
    return charge(MODEL.prices, Usage(input_tokens=input_bound(asked), output_tokens=asked.max_output_tokens))


@cache
def answers(request):
    """Answers to the request with what they burn: from nearly nothing to all that was reserved."""
    asked = REQUESTS[request]
    most = input_bound(asked), asked.max_output_tokens
    usages = [Usage(most[0] * part // 4, most[1] * part // 4) for part in (1, 2, 3, 4)]
    return tuple(
        (Completion(text=f"answer {place}", usage=usage), charge(MODEL.prices, usage))
        for place, usage in enumerate(usages)
    )
