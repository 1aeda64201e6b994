"""A conversation's turns put before the new messages, as many whole turns as the context window holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from chalicelib.domain.chat import Assistant, Developer, Message, System, ToolResult
from chalicelib.domain.conversation import Turn
from chalicelib.domain.errors import ContextTooLong, NotFound
from chalicelib.domain.estimate import REQUEST_TOKENS, likely_tokens
from chalicelib.domain.items import messages_of
from chalicelib.domain.turn import Opened
from chalicelib.ports import Conversations, TurnPage


@dataclass(frozen=True, slots=True)
class History:
    """What was said before."""

    conversations: Conversations

    def resume(self, opened: Opened) -> Opened:
        """`opened` with its conversation's history, or unchanged where there is none.

        `NotFound` for a conversation that is not the caller's; `ContextTooLong` where the new messages alone are.
        """
        fresh = opened.request.messages
        room = opened.model.context_tokens - opened.request.max_output_tokens - REQUEST_TOKENS
        taken = sum(likely_tokens(message) for message in fresh)
        if taken > opened.model.context_tokens:
            raise ContextTooLong(taken, opened.model.context_tokens)
        if opened.ask.conversation is None:
            return opened
        conversation = opened.memory.conversation
        if conversation is None or conversation.owner != opened.principal.owner:
            raise NotFound("conversation", opened.ask.conversation)
        if conversation.last == 0:
            return opened
        turns = self.conversations.turns(conversation.id, TurnPage(start=conversation.last))
        earlier = _fitting(turns, room - taken, opened.ask.now)
        messages = _joined(earlier, fresh)
        return msgspec.structs.replace(opened, request=msgspec.structs.replace(opened.request, messages=messages))


def _fitting(turns: Iterator[Turn], room: int, now: float) -> tuple[Message, ...]:
    """The messages of the newest turns that fit into `room` tokens, oldest first."""
    kept: list[tuple[Message, ...]] = []
    for turn in turns:
        if turn.state == "open" and now < turn.lease_until:
            continue  # still being answered elsewhere
        messages = tuple(message for message in messages_of(turn.items) if _says_something(message))
        room -= sum(likely_tokens(message) for message in messages)
        if room < 0:
            break
        kept.append(messages)
    while kept and kept[-1] and isinstance(kept[-1][0], ToolResult):
        kept.pop()  # the call that it answers did not fit
    return tuple(message for messages in reversed(kept) for message in messages)


def _joined(earlier: tuple[Message, ...], fresh: tuple[Message, ...]) -> tuple[Message, ...]:
    """This call's instructions first, unless history has the same ones; then history, then the rest."""
    count = next((place for place, each in enumerate(fresh) if not isinstance(each, (System, Developer))), len(fresh))
    instructions = tuple(message for message in fresh[:count] if message not in earlier)
    return (*instructions, *earlier, *fresh[count:])


def _says_something(message: Message) -> bool:
    return not isinstance(message, Assistant) or bool(message.content or message.tool_calls or message.refusal)
