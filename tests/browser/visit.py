"""One visitor's browser: what it shows, what it asked for, and what it complained of."""

from pathlib import Path
from urllib.parse import urlsplit

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"
STATUS = "Failed to load resource"  # what chromium says of any answer from 400 on: the page has to say it better


class Visit:
    """A page in a context of its own; `faults` has scripts that failed, what the policy refused, requests to others."""

    def __init__(self, context, origin, axe):
        self.context, self.origin = context, origin
        self.faults, self.requests = [], []
        self._axe = axe
        context.on("request", self._asked)
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("console", self._said)
        self.page = context.new_page()

    def open(self, path):
        """Go to `path`, and say what answered."""
        return self.page.goto(path)

    def violations(self):
        """What axe finds wrong in what is shown now: its rule and the elements."""
        self.page.evaluate(self._axe.read_text())
        found = self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
        return [(each["id"], node["target"], node["failureSummary"]) for each in found for node in each["nodes"]]

    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def shoot(self, name):
        """Keep what is shown as `build/screenshots/name.png`."""
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def end(self):
        self.context.close()

    def _asked(self, request):
        self.requests.append(request)
        parts = urlsplit(request.url)
        if f"{parts.scheme}://{parts.netloc}" != self.origin and parts.scheme not in {"data", "blob", "about"}:
            self.faults.append(f"asked {request.url}")

    def _said(self, message):
        if message.type in {"error", "warning"} and not message.text.startswith(STATUS):
            self.faults.append(message.text)
