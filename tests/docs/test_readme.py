"""What a newcomer pastes from the README works."""

import json
import re
import shlex

import msgspec
import pytest

from chalicelib import bootstrap
from chalicelib.edge.chat_answer import ChatAnswer
from chalicelib.edge.chat_request import ChatBody
from chalicelib.settings import Settings
from tests.docs.pages import page

README = page("README.md")
MODELS = {model.id for model in bootstrap.catalogue(Settings()).models}
CURL = next(block for block in README.blocks("sh") if block.startswith("curl"))
SCHEMES = ("openai+http", "openai+https", "bedrock", "simulated")


def test_the_curl_command_sends_a_request_that_is_accepted():
    words = shlex.split(CURL)

    body = msgspec.json.decode(words[words.index("-d") + 1], type=ChatBody)

    assert body.model in MODELS


def test_the_pasted_reply_has_the_form_of_a_reply():
    (block,) = README.blocks("json")

    assert set(json.loads(block)) == {
        each.encode_name for each in msgspec.structs.fields(ChatAnswer) if each.default is not msgspec.UNSET
    }


@pytest.mark.parametrize("block", README.blocks("python"))
def test_a_python_block_compiles_and_asks_for_a_model_on_offer(block):
    compile(block, "README.md", "exec")

    assert set(re.findall(r'model="([^"]+)"', block)) <= MODELS


@pytest.mark.parametrize("upstream", re.findall(r"UPSTREAM=(\S+)", README.text))
def test_an_upstream_is_one_that_targets_are_made_of(upstream):
    served = bootstrap.catalogue(Settings(upstream=upstream, upstream_model="theirs"))

    assert upstream.partition("://")[0] in SCHEMES
    assert all(model.targets[0].uri.startswith(upstream) for model in served.models if not model.dimensions)


def test_three_files_are_named_to_read_next():
    assert len(re.findall(r"^\d\. ", README.section("## Read next"), re.MULTILINE)) == 3
