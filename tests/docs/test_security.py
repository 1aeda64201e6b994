"""The threat model names tests that there are."""

import re

from tests.docs.pages import ROOT, page

HELD_BY = re.findall(r"`(tests/[\w/]+(?:\.py)?)`", page("docs/security.md").text)


def test_each_threat_is_held_by_something():
    rows = [line for line in page("docs/security.md").section("## Threats").splitlines() if line.startswith("| ")][1:]

    assert len(rows) > 10
    assert [row for row in rows if "`tests/" not in row] == []


def test_what_holds_a_threat_exists():
    assert [name for name in HELD_BY if not (ROOT / name).exists()] == []
