"""What the README shows of the chat page: a short conversation, as a real model would lead it."""

from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.chatting import Chat

WINDOW = {"width": 1280, "height": 860}
TIDES = """A **spring tide** comes twice a month, when sun and moon pull along one line;
a **neap tide** when they pull across each other.

| | spring | neap |
|---|---|---|
| moon | new or full | half |
| high water | higher | lower |
| Brest, in metres | 6.9 | 4.9 |

```python
def range_of(high: float, low: float) -> float:
    return high - low
```
"""
QUESTIONS = [
    "How do I boil an egg?",
    "Which knots hold a boat?",
    "What is the difference between spring and neap tides?",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_of_the_chat(start, visit, scheme):
    model = f"simulated://script?text={quote(TIDES)}&chunk_ms=5"
    gateway = start(UPSTREAM=model, TIDEGATE_CHECK_RATE="0", TIDEGATE_SEMANTIC_MS="20000")
    here = visit(gateway.origin, viewport=WINDOW, color_scheme=scheme)
    chat = Chat(here).sign_in(gateway.key)
    for question in QUESTIONS:
        chat.ask(question)
        chat.anew()

    answer = chat.ask("What's the difference between neap and spring tides?")

    expect(answer.get_by_role("list", name="About this answer")).to_contain_text("From the cache")
    expect(answer.get_by_role("table")).to_contain_text("6.9")
    here.shoot(f"readme-chat-{scheme}")
