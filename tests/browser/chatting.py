"""Somebody who uses the chat page: signs in, asks, and reads what is there."""

from playwright.sync_api import expect

DRAWN_SLOWLY = "[[tokens=400 chunk_ms=20]]"


class Chat:
    """The chat page in one visitor's hands; `here` is the visit."""

    def __init__(self, here):
        self.here, self.page = here, here.page
        self.message = self.page.get_by_role("textbox", name="Message", exact=True)
        self.answers = self.page.get_by_role("article", name="Answer")
        self.questions = self.page.get_by_role("article", name="Question")
        self.listed = self.page.get_by_role("navigation", name="Conversations").get_by_role("listitem")

    def sign_in(self, key, *, remember=False):
        """Come in with a key, from the address of the page."""
        self.here.open("/")
        self.page.get_by_label("API key").fill(key)
        if remember:
            self.page.get_by_label("Keep it until this tab is closed").check()
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.message).to_be_focused()
        return self

    def begin(self, text):
        """Ask, and do not wait."""
        self.message.fill(text)
        self.page.keyboard.press("Enter")

    def ask(self, text):
        """Ask, and wait for the end of the answer, which is given."""
        before = self.answers.count()
        self.begin(text)
        return self.whole(before)

    def whole(self, place):
        """The answer at a place, when it has ended."""
        answer = self.answers.nth(place)
        expect(answer.get_by_role("button", name="Ask again")).to_be_visible(timeout=30_000)
        return answer

    def anew(self):
        """Begin another conversation."""
        self.page.get_by_role("button", name="New chat").click()
        expect(self.answers).to_have_count(0)


def items(gateway, key, page):
    """What the conversation that is open remembers, oldest first."""
    client = gateway.client(api_key=key)
    conversation = page.url.partition("#")[2]
    found = client.conversations.items.list(conversation, order="asc")
    return [(item.role, item.content[0].text) for item in found]
