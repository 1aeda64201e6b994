"""The pages and what they load: who may, what the browser is told, and what is not there."""

import re
import subprocess
import sys

import pytest

from chalicelib.edge.pages import KINDS, web
from tests.functional.world import ROOT

PAGES = ["/", "/usage"]
SOCKET = "wss://sockets.example.com/api"
MOST_BYTES = 150 * 1024
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|setHTML|\beval\b"
    r"|new Function|srcdoc|javascript:|\.cssText|setAttribute\(\s*[\"'](?:on|style)"
)
STYLES = re.compile(r"@import|url\(")


def address(name):
    return f"/assets/{web().revision}/{name}"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_there_for_anybody_and_may_do_little(world, path):
    answer = world.call("GET", path)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
        "connect-src 'self'",
    ]
    told = {name: answer.headers[name] for name in ("referrer-policy", "x-content-type-options", "x-frame-options")}
    assert told == {"referrer-policy": "no-referrer", "x-content-type-options": "nosniff", "x-frame-options": "DENY"}
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["x-dns-prefetch-control"] == "off"
    assert "camera=()" in answer.headers["permissions-policy"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_asked_for_anew_and_sent_once(world, path):
    first = world.call("GET", path)

    again = world.call("GET", path, headers={"if-none-match": first.headers["etag"]})
    weak = world.call("GET", path, headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    other = world.call("GET", path, headers={"if-none-match": '"other"'})

    assert first.headers["cache-control"] == "no-cache"
    assert [(answer.status, answer.body) for answer in (again, weak)] == [(304, b"")] * 2
    assert (other.status, other.body) == (200, first.body)


@pytest.mark.parametrize("path", PAGES)
def test_everything_that_a_page_names_is_there(world, path):
    named = re.findall(r'(?:href|src)="(assets/[^"]+)"', world.call("GET", path).body.decode())

    answers = [world.call("GET", f"/{name}") for name in named]

    assert named
    assert [answer.status for answer in answers] == [200] * len(named)


@pytest.mark.parametrize("name", sorted(web().assets))
def test_a_file_is_kept_for_a_year_and_is_what_it_says(world, name):
    answer = world.call("GET", address(name))

    kind = KINDS[name[name.rindex(".") :]]
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.body.decode() == (ROOT / "chalicelib/web" / name).read_text()


@pytest.mark.parametrize("name", sorted(name for name in web().assets if name.endswith(".js")))
def test_a_module_imports_what_is_there_and_reads_no_markup(name):
    text = web().assets[name]

    imported = re.findall(r"""(?:from|import)\s*\(?["']([^"']+)["']""", text)
    assert {each.removeprefix("./") for each in imported} <= set(web().assets)
    assert all(each.startswith("./") for each in imported)
    assert MARKUP.findall(text) == []


@pytest.mark.parametrize("name", sorted(name for name in web().assets if name.endswith(".css")))
def test_a_stylesheet_loads_nothing(name):
    assert STYLES.findall(web().assets[name]) == []


@pytest.mark.parametrize("name", sorted(web().pages))
def test_a_page_has_no_script_and_no_style_of_its_own(name):
    text = web().pages[name]

    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:", text)


@pytest.mark.parametrize(
    "name",
    [
        "chat.html",
        "../chat.html",
        "..%2Fsettings.py",
        "%2e%2e%2fsettings.py",
        "..\\settings.py",
        "%00.js",
        "chat.js%00",
        "CHAT.JS",
        "chat.js.map",
        ".chat.js",
        "~chat.js",
        "%2Fetc%2Fpasswd",
        "a" * 300,
    ],
)
def test_what_is_no_file_of_the_pages_is_not_there(world, name):
    answer = world.call("GET", address(name))

    assert answer.status in {403, 404}
    assert b"import" not in answer.body


@pytest.mark.parametrize("revision", ["0" * 16, "latest", "..", "%2e%2e"])
def test_files_of_another_revision_are_not_there(world, revision):
    answer = world.call("GET", f"/assets/{revision}/chat.js")

    assert answer.status in {403, 404}
    assert "immutable" not in answer.headers.get("cache-control", "")


def test_the_page_is_told_where_its_socket_opens_and_may_open_it(world, monkeypatch):
    monkeypatch.setenv("TIDEGATE_SOCKET_URL", SOCKET)

    answer = world.call("GET", "/")

    assert answer.headers["content-security-policy"].endswith(f"connect-src 'self' {SOCKET}")
    assert f'<meta name="socket" content="{SOCKET}">'.encode() in answer.body


def test_below_the_name_of_a_stage_relative_addresses_lead_somewhere(world):
    answer = world.send("get_page")

    assert (answer.status, answer.headers["location"], answer.body) == (308, "api/", b"")


def test_no_file_of_the_pages_is_read_before_one_is_asked_for():
    code = (
        "import sys\n"
        "def refuse(event, given):\n"
        "    assert event != 'open' or '/web/' not in str(given[0]).replace('\\\\', '/'), given\n"
        "sys.addaudithook(refuse)\n"
        "import app\n"
        "from chalicelib.edge.pages import web\n"
        "web()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stderr.strip().splitlines()[-1].startswith("AssertionError")
    assert "in web\n" in done.stderr


def test_all_that_the_pages_load_is_small():
    sizes = [len(text.encode()) for texts in (web().pages, web().assets) for text in texts.values()]

    assert sum(sizes) <= MOST_BYTES
