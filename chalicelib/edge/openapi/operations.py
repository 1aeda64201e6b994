"""Every operation of the API, in the order of the routes."""

from __future__ import annotations

from typing import Final

from chalicelib.domain.conversation import Item
from chalicelib.edge import (
    cache_wire,
    chat_answer,
    chat_request,
    conversation_wire,
    job_wire,
    model_wire,
    responses_body,
    responses_wire,
    status_wire,
    usage_wire,
)
from chalicelib.edge.openapi.operation import AFTER, CSV, HISTORY, LIMIT, Json, Operation, Query

EVENTS: Final = "text/event-stream"

_ORDER: Final = Query("order", {"enum": ["asc", "desc"], "default": "desc"})
_PAGE: Final = (LIMIT, _ORDER, AFTER)
_DEEP: Final = Query("deep", {"type": "string", "description": "`1` or `true`"})
_STREAM: Final = Query("stream", {"enum": ["true", "false"], "default": "false"})
_FROM: Final = Query("starting_after", {"type": "integer", "minimum": 0, "maximum": 10**9 - 1})

CONVERSATION: Final = "/v1/conversations/{conversation_id}"
RESPONSE: Final = "/v1/responses/{response_id}"
ITEM: Final = CONVERSATION + "/items/{item_id}"

TURNS: Final = (
    Operation(
        "create_chat_completion",
        "POST /v1/chat/completions",
        "Answer a chat",
        takes=chat_request.ChatBody,
        gives=chat_answer.ChatAnswer,
        as_well=(EVENTS,),
        turn=True,
        queued=job_wire.JobBody,
    ),
    Operation(
        "create_embedding",
        "POST /v1/embeddings",
        "Turn texts into vectors",
        takes=model_wire.EmbedBody,
        gives=model_wire.EmbedAnswer,
        turn=True,
    ),
    Operation(
        "create_response",
        "POST /v1/responses",
        "Answer, and keep the answer",
        takes=responses_body.ResponseBody,
        gives=responses_wire.ResponseOut,
        as_well=(EVENTS,),
        turn=True,
        queued=responses_wire.ResponseOut,
    ),
)

READING: Final = (
    Operation(
        "health",
        "GET /health",
        "Tell whether the process serves; with `deep`, for administrators, whether all that it needs does",
        gives=status_wire.Status,
        scope=None,
        query=(_DEEP,),
        may_need_key=True,
    ),
    Operation("describe", "GET /openapi.json", "Describe the API: this document", gives=Json, scope=None),
    Operation("list_models", "GET /v1/models", "List the models that the key may use", gives=model_wire.ModelList),
    Operation("retrieve_model", "GET /v1/models/{model_id}", "Tell of a model", gives=model_wire.ModelBody),
    Operation(
        "retrieve_usage",
        "GET /v1/usage",
        "Tell what was used, and what is left",
        gives=usage_wire.UsageView,
        query=(HISTORY,),
        as_well=(CSV,),
    ),
)

CONVERSATIONS: Final = (
    Operation(
        "create_conversation",
        "POST /v1/conversations",
        "Begin a conversation",
        takes=conversation_wire.CreateBody,
        gives=conversation_wire.ConversationBody,
    ),
    Operation(
        "list_conversations",
        "GET /v1/conversations",
        "List one's conversations",
        gives=conversation_wire.Listing[conversation_wire.ConversationBody],
        query=_PAGE,
    ),
    Operation(
        "retrieve_conversation",
        f"GET {CONVERSATION}",
        "Tell of a conversation",
        gives=conversation_wire.ConversationBody,
    ),
    Operation(
        "update_conversation",
        f"POST {CONVERSATION}",
        "Set the metadata of a conversation",
        takes=conversation_wire.UpdateBody,
        gives=conversation_wire.ConversationBody,
    ),
    Operation(
        "delete_conversation",
        f"DELETE {CONVERSATION}",
        "Delete a conversation",
        gives=conversation_wire.DeletedConversation,
    ),
    Operation(
        "create_items",
        f"POST {CONVERSATION}/items",
        "Add items to a conversation",
        takes=conversation_wire.ItemsBody,
        gives=conversation_wire.Listing[Item],
    ),
    Operation(
        "list_items",
        f"GET {CONVERSATION}/items",
        "List the items of a conversation",
        gives=conversation_wire.Listing[Item],
        query=_PAGE,
    ),
    Operation("retrieve_item", f"GET {ITEM}", "Tell an item", gives=Item),
    Operation("delete_item", f"DELETE {ITEM}", "Delete an item", gives=conversation_wire.ConversationBody),
)

KEPT: Final = (
    Operation(
        "retrieve_response",
        f"GET {RESPONSE}",
        "Tell a response, or stream it from any event on",
        gives=responses_wire.ResponseOut,
        query=(_STREAM, _FROM),
        as_well=(EVENTS,),
    ),
    Operation("delete_response", f"DELETE {RESPONSE}", "Delete a response", gives=responses_wire.DeletedResponse),
    Operation(
        "cancel_response",
        f"POST {RESPONSE}/cancel",
        "Stop a response in the background",
        takes=responses_body.CancelBody,
        may_be_empty=True,
        gives=responses_wire.ResponseOut,
    ),
    Operation(
        "list_input_items",
        f"GET {RESPONSE}/input_items",
        "List what a response was given",
        gives=conversation_wire.Listing[responses_wire.ItemBody],
        query=_PAGE,
    ),
    Operation(
        "retrieve_job", "GET /v1/jobs/{job_id}", "Tell where a job stands, and what came of it", gives=job_wire.JobBody
    ),
    Operation("cancel_job", "DELETE /v1/jobs/{job_id}", "Stop a job", gives=job_wire.JobBody),
    Operation(
        "give_feedback",
        "POST /v1/cache/feedback",
        "Say whether a cached answer was right",
        takes=cache_wire.FeedbackBody,
        gives=cache_wire.FeedbackView,
    ),
)
