"""What the models on Bedrock take, told by their names: each family refuses something of the one API."""

from __future__ import annotations

import re
from typing import Final, Literal

from msgspec import Struct

Thinking = Literal["none", "budget", "adaptive", "effort"]
"""How reasoning is asked for: not at all, by Claude's budget, by Claude's own measure, or by Nova's effort."""

Json = Literal["native", "tool", "words"]
"""How JSON is asked for: `outputConfig`, a tool that must be called, or the system prompt."""

Place = Literal["tools", "system", "messages"]


class Traits(Struct, frozen=True):
    """What one model takes; `sampling` says which of temperature and top_p, `cached` where a cache point may stand."""

    thinking: Thinking = "none"
    json: Json = "words"
    sampling: Literal["both", "one", "none"] = "both"
    cached: tuple[Place, ...] = ()


_CLAUDE: Final = re.compile(r"\banthropic\.claude-(?:[a-z]+-)?(\d)(?:-(\d{1,2})(?!\d))?")
_EVERYWHERE: Final[tuple[Place, ...]] = ("tools", "system", "messages")
_CLAUDES: Final[tuple[tuple[tuple[int, int], Traits], ...]] = (  # from that version on
    ((5, 5), Traits("adaptive", "words", "none", _EVERYWHERE)),
    ((4, 7), Traits("adaptive", "tool", "none", _EVERYWHERE)),
    ((4, 6), Traits("adaptive", "native", "one", _EVERYWHERE)),
    ((4, 5), Traits("budget", "native", "one", _EVERYWHERE)),
    ((4, 1), Traits("budget", "tool", "one", _EVERYWHERE)),
    ((3, 7), Traits("budget", "tool", "both", _EVERYWHERE)),
    ((0, 0), Traits("none", "tool")),
)
_OTHERS: Final = (
    ("amazon.nova-2-", Traits("effort", "tool", cached=("system",))),
    ("amazon.nova-", Traits(json="tool", cached=("system", "messages"))),
)


def traits_of(model: str) -> Traits:
    """By a model id, an inference profile's id or an ARN; an ARN that hides the model has the traits of none."""
    if claude := _CLAUDE.search(model):
        version = (int(claude[1]), int(claude[2] or 0))
        return next(traits for since, traits in _CLAUDES if version >= since)
    return next((traits for name, traits in _OTHERS if name in model), Traits())
