"""A conversation's turns put before the new messages, as many whole turns as the context window holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeGuard

import msgspec

from chalicelib.domain.chat import Assistant, Developer, Message, System, ToolResult, text_of
from chalicelib.domain.conversation import Turn
from chalicelib.domain.dependence import context_of
from chalicelib.domain.errors import ContextTooLong, NotFound
from chalicelib.domain.estimate import MESSAGE_TOKENS, REQUEST_TOKENS, likely_tokens
from chalicelib.domain.items import messages_of
from chalicelib.domain.turn import Opened
from chalicelib.ports import Conversations, TurnPage

SMALLEST_TURN: Final = 2 * MESSAGE_TOKENS  # so that all that can fit is asked for at once


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
            raise NotFound("conversation", opened.ask.conversation, param="conversation")
        if conversation.last == 0:
            return opened
        most = max(1, (room - taken) // SMALLEST_TURN)
        turns = self.conversations.turns(conversation.id, TurnPage(start=conversation.last, limit=most))
        if opened.ask.left is not None:
            turns = (turn for turn in turns if turn.id != opened.ask.turn_id)
        earlier = fitting(turns, room - taken, opened.ask.now)
        request = msgspec.structs.replace(opened.request, messages=joined(earlier, fresh))
        shapes = context_of(earlier, text_of(fresh[-1].content))
        return msgspec.structs.replace(opened, request=request, place=None if shapes else opened.place)


def fitting(turns: Iterator[Turn], room: int, now: float) -> tuple[Message, ...]:
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
    return tuple(message for messages in reversed(kept) for message in messages)


def joined(earlier: tuple[Message, ...], fresh: tuple[Message, ...]) -> tuple[Message, ...]:
    """This call's instructions first, unless history has the same ones; then history, then the rest."""
    count = next((place for place, each in enumerate(fresh) if _instruction(each) is None), len(fresh))
    known = {_instruction(message) for message in earlier}
    instructions = tuple(message for message in fresh[:count] if _instruction(message) not in known)
    return (*instructions, *_paired(_once(earlier), fresh), *fresh[count:])


def _once(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """`messages` without the instructions that were sent again with a later turn."""
    heard: set[tuple[type, str]] = set()
    kept = []
    for message in messages:
        words = _instruction(message)
        if words is None or words not in heard:
            kept.append(message)
        heard |= {words} if words else set()
    return tuple(kept)


def _paired(earlier: tuple[Message, ...], fresh: tuple[Message, ...]) -> tuple[Message, ...]:
    """`earlier` without calls that nobody answered, and results whose call is gone: models refuse both."""
    asked = {call.id for message in earlier if isinstance(message, Assistant) for call in message.tool_calls or ()}
    answered = {message.tool_call_id for message in (*earlier, *fresh) if isinstance(message, ToolResult)}
    return tuple(filter(_says_something, (_answered(message, asked & answered) for message in earlier)))


def _answered(message: Message, pairs: set[str]) -> Message | None:
    if isinstance(message, Assistant):
        calls = tuple(call for call in message.tool_calls or () if call.id in pairs)
        return msgspec.structs.replace(message, tool_calls=calls or None)
    orphaned = isinstance(message, ToolResult) and message.tool_call_id not in pairs
    return None if orphaned else message


def _instruction(message: Message) -> tuple[type, str] | None:
    return (type(message), text_of(message.content)) if isinstance(message, (System, Developer)) else None


def _says_something(message: Message | None) -> TypeGuard[Message]:
    if isinstance(message, Assistant):
        return bool(message.content or message.tool_calls or message.refusal)
    return message is not None
