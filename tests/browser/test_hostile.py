"""What a model says runs nothing and loads nothing, however it is cut into pieces."""

import json

import pytest

from tests.browser.chatting import Chat
from tests.browser.hostile import PAYLOADS
from tests.upstreams.openai_server import OpenAiServer, Reply

LEAST = 200
AT_ONCE = 12  # payloads in one answer
WATCH = """() => {
  window.__refused = [];
  const told = (event) => window.__refused.push(`${event.violatedDirective} ${event.blockedURI}`);
  document.addEventListener("securitypolicyviolation", told);
}"""
FOUND = """() => {
  const tags = "a article br blockquote button code details div em figcaption figure footer h3 h4 h5 h6 hr li ol p path"
    + " pre s span strong summary svg table tbody td th thead tr ul";
  const attributes = "aria-busy aria-hidden aria-label class d data-copy hidden href rel role start tabindex target"
    + " title type viewBox";
  const found = [];
  for (const each of document.querySelectorAll(".answer, .answer *")) {
    if (!tags.split(" ").includes(each.localName)) found.push(each.localName);
    const strange = each.getAttributeNames().filter((name) => !attributes.split(" ").includes(name));
    found.push(...strange.map((name) => `${each.localName} ${name}`));
    if (each.localName === "a" && !/^(https?|mailto):$/.test(each.protocol)) found.push(each.href);
    if (each.localName === "a" && each.rel !== "noopener noreferrer nofollow") found.push(each.rel);
  }
  return { found, ran: window.__ran ?? 0, refused: window.__refused, scripts: document.scripts.length };
}"""
DRAW = """async ([payloads, base]) => {
  const { Prose } = await import(`${base}/prose.js`);
  const place = document.createElement("div");
  place.className = "answer";
  document.body.append(place);
  for (const payload of payloads) {
    const whole = new Prose(), growing = new Prose();
    place.replaceChildren(whole.element, growing.element);
    whole.show(payload);
    for (let end = 0; end <= payload.length; end += 1) growing.show(payload.slice(0, end));
    if (whole.element.textContent !== growing.element.textContent) throw new Error(`drawn otherwise: ${payload}`);
  }
}"""
WHOLE = dict(zip(PAYLOADS, PAYLOADS, strict=True))


@pytest.fixture(scope="module")
def model():
    with OpenAiServer() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(start, model):
    return start(UPSTREAM=f"openai+{model.url}", TIDEGATE_SEMANTIC="off")


@pytest.fixture
def chat(visit, gateway, request):
    here = visit(gateway.origin)
    chat = Chat(here).sign_in(gateway.make_key("acme", request.node.name.partition("[")[0].replace("_", "-")))
    here.page.evaluate(WATCH)
    return chat


def reply(pieces):
    def event(choices, **more):
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, **more}
        return f"data: {json.dumps(chunk)}\n\n"

    said = [event([{"index": 0, "delta": {"role": "assistant", "content": each}}]) for each in pieces]
    end = event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
    usage = event([], usage={"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2})
    return Reply(events=(*said, end, usage, "data: [DONE]\n\n"))


def harmless(chat):
    """Nothing ran, nothing was refused because nothing was tried, and only what belongs there is on the page."""
    state = chat.page.evaluate(FOUND)
    assert state == {"found": [], "ran": 0, "refused": [], "scripts": 1}


def test_there_are_enough():
    assert len(PAYLOADS) == len(WHOLE) >= LEAST


def answers():
    """Every payload in some answer; one that opens a fence would hide what follows it."""
    fenced = [each for each in PAYLOADS if "```" in each or "~~~" in each]
    others = [each for each in PAYLOADS if each not in fenced]
    return [*fenced, *("\n\n".join(others[at : at + AT_ONCE]) for at in range(0, len(others), AT_ONCE))]


@pytest.mark.parametrize("size", [10_000, 1], ids=["whole", "letter-by-letter"])
def test_what_a_model_says_does_nothing(chat, model, size):
    for place, said in enumerate(answers()):
        model.replies.append(reply([said[at : at + size] for at in range(0, len(said), size)]))
        chat.ask(f"Say number {place}")
        harmless(chat)

    assert chat.answers.count() == len(answers())


def test_what_is_drawn_at_every_length_of_it_does_nothing(chat):
    base = chat.page.evaluate("() => document.querySelector('script[src]').src.replace(/[/][^/]*$/, '')")

    chat.page.evaluate(DRAW, [PAYLOADS, base])

    harmless(chat)


def test_a_hostile_conversation_does_nothing_when_it_is_opened(chat, gateway):
    client = gateway.client(api_key=gateway.make_key("acme", "victim"))
    for start in range(0, len(PAYLOADS), 20):
        said = [{"role": "assistant", "content": each} for each in PAYLOADS[start : start + 20]]
        title = PAYLOADS[start][:500]
        client.conversations.create(items=[{"role": "user", "content": title}, *said[:19]], metadata={"title": title})
    other = Chat(chat.here).sign_in(client.api_key)
    other.page.evaluate(WATCH)

    for place in range(other.listed.count()):
        other.listed.nth(place).locator(".name").click()
        other.answers.nth(0).wait_for()
        harmless(other)


def test_a_script_would_be_seen(visit, gateway):
    here = visit(gateway.origin)
    here.open("/")
    here.page.evaluate(WATCH)

    with pytest.raises(Exception, match="TrustedHTML"):
        here.page.evaluate("() => { document.body.innerHTML = '<img src=x onerror=\"window.__ran=1\">' }")
    here.page.evaluate("() => { new Image().src = 'https://evil.example/p.gif' }")
    here.page.wait_for_function("() => window.__refused.some((each) => each.startsWith('img-src'))")

    assert here.faults
    here.faults.clear()
