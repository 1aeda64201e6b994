"""LangChain's OpenAI classes, unmodified."""

import pydantic
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests.clients.product import MODEL


class Harbour(pydantic.BaseModel):
    """Where ships lie."""

    name: str
    depth_metres: int


@tool
def get_tide(harbour: str) -> str:
    """Say when the tide is high."""
    return f"High at noon in {harbour}"


@pytest.fixture
def chat(product):
    return ChatOpenAI(model=MODEL, base_url=product.url, api_key=product.key, max_retries=0)


def test_it_answers(chat):
    answer = chat.invoke([SystemMessage("Be brief."), HumanMessage("What is a tide?")])

    assert "What is a tide?" in answer.content
    assert answer.usage_metadata["total_tokens"] > 0
    assert answer.response_metadata["finish_reason"] == "stop"


def test_it_streams(chat):
    chunks = list(chat.stream("Piece by piece", stream_usage=True))

    assert "Piece by piece" in "".join(chunk.content for chunk in chunks)
    assert sum(bool(chunk.content) for chunk in chunks) > 1
    assert any(chunk.usage_metadata for chunk in chunks)


def test_a_tool_is_called_and_its_result_is_answered_from(chat):
    able = chat.bind_tools([get_tide])
    question = HumanMessage("Call get_tide for Brest")

    asked = able.invoke([question])
    (call,) = asked.tool_calls
    answer = able.invoke([question, asked, get_tide.invoke(call)])

    assert isinstance(asked, AIMessage)
    assert call["name"] == "get_tide"
    assert "High at noon in" in answer.content


def test_a_tool_call_is_streamed(chat):
    chunks = list(chat.bind_tools([get_tide]).stream("Call get_tide for Brest"))

    whole = sum(chunks[1:], chunks[0])
    assert whole.tool_calls[0]["name"] == "get_tide"
    assert "harbour" in whole.tool_calls[0]["args"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_an_answer_has_the_structure_that_was_asked_for(chat, method):
    answer = chat.with_structured_output(Harbour, method=method).invoke("The Harbour of Brest")

    assert isinstance(answer, Harbour)


@pytest.fixture
def responding(product):
    return ChatOpenAI(model=MODEL, base_url=product.url, api_key=product.key, max_retries=0, use_responses_api=True)


def test_responses_answer_and_stream(responding):
    answer = responding.invoke([SystemMessage("Be brief."), HumanMessage("What is a tide?")])
    chunks = list(responding.stream("Piece by piece"))

    assert "What is a tide?" in answer.text
    assert answer.response_metadata["status"] == "completed"
    assert "Piece by piece" in "".join(chunk.text for chunk in chunks)
    assert any(chunk.usage_metadata for chunk in chunks)


def test_a_tool_goes_round_in_responses(responding):
    able = responding.bind_tools([get_tide])
    question = HumanMessage("Call get_tide for Brest")

    asked = able.invoke([question])
    (call,) = asked.tool_calls
    answer = able.invoke([question, asked, get_tide.invoke(call)])
    chunks = list(able.stream([question]))

    assert call["name"] == "get_tide"
    assert "High at noon in" in answer.text
    assert sum(chunks[1:], chunks[0]).tool_calls[0]["name"] == "get_tide"


def test_a_response_has_the_structure_that_was_asked_for(responding):
    answer = responding.with_structured_output(Harbour, method="json_schema").invoke("The Harbour of Brest")

    assert isinstance(answer, Harbour)


def test_a_thread_of_responses_is_continued(product):
    threaded = ChatOpenAI(
        model=MODEL,
        base_url=product.url,
        api_key=product.key,
        max_retries=0,
        use_responses_api=True,
        use_previous_response_id=True,
    )
    said = [HumanMessage("My boat is called Gull.")]
    said.append(threaded.invoke(said))

    answer = threaded.invoke([*said, HumanMessage("What is my boat called?")])

    assert "I remember 2 earlier messages" in answer.text


def test_a_conversation_is_named_in_the_body(chat, client):
    conversation = client.conversations.create()
    remembering = chat.bind(extra_body={"conversation": conversation.id})

    remembering.invoke("My boat is called Gull.")

    assert "My boat is called Gull." in remembering.invoke("What is my boat called?").content


def test_texts_are_embedded(product):
    embeddings = OpenAIEmbeddings(
        model="wordllama-256",
        base_url=product.url,
        api_key=product.key,
        check_embedding_ctx_length=False,  # else it downloads the vocabulary of another model
    )

    vectors = embeddings.embed_documents(["The tide comes in", "The tide goes out"])

    assert [len(vector) for vector in vectors] == [256, 256]
    assert embeddings.embed_query("The tide comes in") == pytest.approx(vectors[0])
