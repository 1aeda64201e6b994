"""The lines of docs/api.md that verify a notice do so, in both languages."""

import json
import re
import shutil
import subprocess
import time

import pytest

from chalicelib.domain.webhooks import SECRET_BYTES, Webhook, new_secret, rotated, signed
from tests.docs.pages import page

SECTION = page("docs/api.md").section("## Webhooks")
BLOCKS = dict(re.findall(r"```(python|js)\n(.*?)```", SECTION, re.DOTALL))
OLD, NEW, OTHER = (new_secret(each * SECRET_BYTES) for each in (b"o", b"n", b"x"))
BODY = '{"id":"evt_1","type":"job.completed","data":{"id":"job_☃"}}'
CALL = """
const [secret, headers, body] = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(isGenuine(secret, headers, Buffer.from(body)));
"""


def in_python(secret, headers, body):
    names = {}
    exec(BLOCKS["python"], names)
    return names["is_genuine"](secret, headers, body.encode())


def in_node(secret, headers, body):
    said = subprocess.run(
        ["node", "-e", BLOCKS["js"] + CALL],
        input=json.dumps([secret, headers, body]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(said.stdout)


node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")


@pytest.mark.parametrize("is_genuine", [in_python, pytest.param(in_node, marks=node)])
def test_the_lines_of_the_page_tell_a_genuine_notice(is_genuine):
    now = time.time()
    hook = rotated(Webhook("https://hooks.example.com/", (OLD,)), NEW, now)
    headers = signed(hook, "evt_1", BODY.encode(), now)

    assert is_genuine(NEW.text, headers, BODY)
    assert is_genuine(OLD.text, headers, BODY)
    assert not is_genuine(OTHER.text, headers, BODY)
    assert not is_genuine(NEW.text, headers, BODY + " ")
    assert not is_genuine(NEW.text, signed(hook, "evt_1", BODY.encode(), now - 301), BODY)
