"""The documentation as data: pages, their tables, code blocks, headings and links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("docs",)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    path: Path

    @property
    def name(self):
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self):
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self):
        """Without code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def links(self):
        return _LINK.findall(self.prose)

    @property
    def anchors(self):
        return {anchor(heading) for heading in _HEADING.findall(self.prose)}

    def blocks(self, language):
        return [block for tag, block in _FENCE.findall(self.text) if tag == language]

    def section(self, heading):
        """What stands under a heading, up to the next one of its level or above."""
        level = len(heading) - len(heading.lstrip("#"))
        _, _, rest = self.text.partition(f"\n{heading}\n")
        assert rest, f"{self.name} has no '{heading}'"
        return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def page(name):
    return Page(ROOT / name)


def pages():
    found = [*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))]
    return [Page(path) for path in sorted(found)]


def anchor(heading):
    """The fragment that a heading is linked by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def rows(text):
    """The cells of every table row but headings and rules."""
    lines = [line.strip() for line in text.splitlines()]
    ruled = {place for place, line in enumerate(lines) if re.fullmatch(r"\|(?:[ :-]*-+[ :-]*\|)+", line)}
    heads = {place - 1 for place in ruled}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for place, line in enumerate(lines)
        if line.startswith("|") and place not in ruled | heads
    ]


def quoted(cell):
    """The names in code type of one cell."""
    return re.findall(r"`([^`]+)`", cell)
