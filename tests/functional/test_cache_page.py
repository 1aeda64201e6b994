"""Every command of docs/cache.md, in its order: it is taken, and shows what the page says that it shows."""

import itertools
import re
import shlex

import pytest

from tests.docs.pages import page

HOST = "http://127.0.0.1:8000"
COMMANDS = [block for block in page("docs/cache.md").blocks("sh") if "curl" in block]
LOOP = re.compile(r"for question in (?P<questions>.*); do\n\s*(?P<command>.*?) \| grep .*\ndone\n", re.DOTALL)


def commands():
    """Each `curl`, with the questions that a loop puts into it."""
    for block in COMMANDS:
        loop = LOOP.fullmatch(block)
        for question in shlex.split(loop["questions"]) if loop else [""]:
            yield (loop["command"] if loop else block).replace("'\"$question\"'", question)


def sent(command):
    """Method, path, body and key's file of one `curl`."""
    words = shlex.split(command)
    given = dict(itertools.pairwise(words))
    (url,) = (word for word in words if word.startswith(HOST))
    file = re.search(r"Bearer \$\(cat \.local/(\S+)\)", command)[1]
    return "POST" if "-d" in given else "GET", url.removeprefix(HOST), given.get("-d"), file


@pytest.fixture
def serving(world, monkeypatch):
    return world.serving_by_meaning(monkeypatch)


def test_the_commands_of_the_page_do_what_it_says(serving):
    keys = {"api-key": serving.key("local", "local")}
    keys["admin-key"] = serving.key("local", "local", scopes=frozenset({"chat", "admin"}))
    answers, semantic = [], ""
    for command in commands():
        method, path, body, file = sent(command)
        answers.append(serving.call(method, path, body and body.replace("chatcmpl-…", semantic), key=keys[file]))
        if answers[-1].headers.get("x-tidegate-cache") == "semantic":
            semantic = answers[-1].json["id"]
    first, second, plan, fresh, listed, word, purged, state = answers

    assert {each.status for each in answers} == {200}
    assert [each.headers["x-tidegate-cache"] for each in (first, second, fresh)] == ["miss", "semantic", "miss"]
    assert float(second.headers["x-tidegate-similarity"]) > 0.5
    assert plan.json["cache"]["protected_terms"] == ["Pro", "Enterprise"]
    assert [each["id"] for each in listed.json["data"]] == [semantic] == [word.json["id"]]
    assert purged.json["object"] == "cache.purge"
    assert state.json["mode"] == "serve"
