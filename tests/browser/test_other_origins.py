"""Pages of other origins, in a real browser: who is named may call the API with its user's key, and nobody else may."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

FETCH = """async ([url, key]) => {
  const headers = {
    'authorization': `Bearer ${key}`, 'content-type': 'application/json', 'cache-control': 'no-cache',
    'idempotency-key': 'once', 'prefer': 'wait=5', 'x-stainless-lang': 'js', 'x-stainless-retry-count': '0',
  }
  const body = JSON.stringify({model: 'claude-haiku-4-5', messages: [{role: 'user', content: 'Hello'}]})
  try {
    const answer = await fetch(url, {method: 'POST', headers, body})
    return [answer.status, answer.headers.get('x-tidegate-cache'), (await answer.json()).object]
  } catch (fault) {
    return [fault.name]
  }
}"""


class Empty(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def pages():
    """The origin of a site with one empty page."""
    with HTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def sites():
    with pages() as named, pages() as other:
        yield named, other


@pytest.fixture(scope="module")
def opened(start, sites):
    """A run of the product that names one of two sites."""
    return start(TIDEGATE_ORIGINS=sites[0])


@pytest.fixture
def fetched(chromium, opened):
    """What a page of an origin gets to read of an answer."""

    def fetched_from(origin):
        context = chromium.new_context()
        try:
            page = context.new_page()
            page.goto(origin)
            return page.evaluate(FETCH, [f"{opened.url}/chat/completions", opened.key])
        finally:
            context.close()

    return fetched_from


def test_a_page_that_is_named_calls_with_a_key_and_reads_answer_and_headers(fetched, sites):
    assert fetched(sites[0]) == [200, "miss", "chat.completion"]


def test_a_page_that_is_not_named_reads_nothing(fetched, sites):
    assert fetched(sites[1]) == ["TypeError"]
