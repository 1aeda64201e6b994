"""What the tests of responses share: calls, and the openai package's own types, which take nothing for granted."""

import json

from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_item_list import ResponseItemList
from pydantic import TypeAdapter

from tests.builders import an_event
from tests.functional.world import MODEL

PATH = "/v1/responses"
EVENT = TypeAdapter(ResponseStreamEvent)
TOOL = {
    "type": "function",
    "name": "look_up",
    "description": "Look something up.",
    "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
    "strict": True,
}


def asked(said="What is a tide?", **fields):
    return {"model": MODEL, "input": said, **fields}


def create(world, key, said="What is a tide?", **fields):
    """A response, of a shape that the openai package accepts to the letter."""
    answer = world.call("POST", PATH, asked(said, **fields), key=key)
    assert answer.status == 200, answer.body
    Response.model_validate_json(answer.body, strict=True)
    return answer.json


def retrieve(world, key, response):
    answer = world.call("GET", f"{PATH}/{response['id']}", key=key)
    assert answer.status == 200, answer.body
    Response.model_validate_json(answer.body, strict=True)
    return answer.json


def input_items(world, key, response, query=""):
    answer = world.call("GET", f"{PATH}/{response['id']}/input_items{query}", key=key)
    assert answer.status == 200, answer.body
    ResponseItemList.model_validate_json(answer.body, strict=True)
    return answer.json


def stream(world, key, said="What is a tide?", **fields):
    """A streamed response, as the streaming transport asks for it."""
    body = json.dumps(asked(said, stream=True, **fields))
    context = {**an_event("post_chat")["requestContext"], "resourcePath": PATH, "path": PATH}
    return world.send("post_chat", key=key, resource=PATH, path=PATH, requestContext=context, body=body)


def events(body):
    """Events, each numbered, named twice alike, and of a shape that the openai package accepts to the letter."""
    blocks = b"".join(body).decode().split("\n\n")
    assert blocks.pop() == ""
    found = []
    for number, block in enumerate(blocks):
        name, data = block.split("\n")
        EVENT.validate_json(data.removeprefix("data: "), strict=True)
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        found.append(event)
    return found


def text_of(response):
    return "".join(part.get("text", "") for item in response["output"] for part in item.get("content", ()))
