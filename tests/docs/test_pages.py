"""Links resolve, commands exist, decisions have their form, and nothing names the machine that wrote it."""

import re
import subprocess

import pytest

from tests.docs.pages import ROOT, Page, page, pages, quoted, rows

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = {name for line in re.findall(r"^([a-z][a-z ]*):(?!=)", MAKEFILE, re.MULTILINE) for name in line.split()}
COMMAND = re.compile(r"\bmake ([a-z]+)\b")
DECISIONS = [each for each in pages() if re.match(r"docs/adr/\d{4}", each.name)]
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives"]
LINKS = [(each, link) for each in pages() for link in each.links if "://" not in link]
FOREIGN = {
    "a home directory": r"/(?:home|Users)/\w+|/root/",
    "a scratch directory": r"/(?:tmp|work|var/folders)/\w+",
    "a package index": r"(?:index-url|extra-index|registry)[= ]+https?://|\b(?:artifactory|nexus|jfrog)\b",
}
WORDS = re.compile("|".join(f"(?P<{name.replace(' ', '_')}>{form})" for name, form in FOREIGN.items()))
TEXT = {".cfg", ".in", ".ini", ".json", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml", ""}
EXEMPT = {"tests/docs/test_pages.py"}  # spells the words out


def commands(text):
    """Targets that are named as commands: in code, not in a sentence about what to make."""
    return {name for code in re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL) for name in COMMAND.findall(code)}


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        return [
            *ROOT.glob("*.*"),
            *(path for name in ("chalicelib", "docs", "infra", "tests") for path in (ROOT / name).rglob("*.*")),
        ]
    return [ROOT / name for name in listed.stdout.split("\0") if name]


@pytest.mark.parametrize(("source", "link"), LINKS, ids=lambda each: getattr(each, "name", each))
def test_a_link_resolves(source, link):
    name, _, fragment = link.partition("#")
    target = (source.path.parent / name).resolve() if name else source.path

    assert target.exists()
    assert not fragment or fragment in Page(target).anchors


@pytest.mark.parametrize("source", pages(), ids=lambda each: each.name)
def test_a_make_target_that_is_named_exists(source):
    assert commands(source.text) <= TARGETS


@pytest.mark.parametrize("source", pages(), ids=lambda each: each.name)
def test_a_python_block_compiles(source):
    for block in source.blocks("python"):
        compile(block, source.name, "exec")


@pytest.mark.parametrize(
    "name", re.findall(r"`((?:app\.py|chalicelib|infra|tests|docs)[\w/.]*)`", page("CONTRIBUTING.md").text)
)
def test_a_file_that_contributing_names_exists(name):
    assert (ROOT / name).exists()


@pytest.mark.parametrize("name", [name for row in rows(page("docs/architecture.md").text) for name in quoted(row[1])])
def test_a_file_that_the_architecture_names_exists(name):
    assert (ROOT / name).exists()


def test_every_page_is_reached_from_the_readme():
    seen, ahead = set(), [page("README.md")]
    while ahead:
        each = ahead.pop()
        seen.add(each.path)
        near = {(each.path.parent / link.partition("#")[0]).resolve() for link in each.links if "://" not in link}
        ahead += [Page(path) for path in near - seen if path.suffix == ".md" and path.exists()]

    assert {each.path for each in pages()} <= seen


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda each: each.name)
def test_a_decision_has_its_form(decision):
    number = decision.path.name[:4]

    assert len(decision.text.splitlines()) <= 100
    assert re.match(rf"# {number}: \S", decision.text)
    found = re.findall(r"^## (.+)$", decision.prose, re.MULTILINE)
    assert [heading for heading in found if heading in HEADINGS] == HEADINGS
    assert all(decision.section(f"## {heading}").strip() for heading in HEADINGS)


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda each: each.name)
def test_a_file_that_a_decision_names_exists(decision):
    named = re.findall(r"`((?:[a-z_]+/)+(?:[\w.]+)?|[a-z_]+\.(?:py|toml))`", decision.prose)
    homes = (ROOT, ROOT / "chalicelib")
    bare = {path.name for home in ("chalicelib", "infra") for path in (ROOT / home).rglob("*.*")}

    assert [name for name in named if name not in bare and not any((home / name).exists() for home in homes)] == []


def test_the_index_lists_every_decision_once():
    listed = [name for name in page("docs/adr/README.md").links if re.match(r"\d{4}", name)]

    assert listed == [each.path.name for each in DECISIONS]


def test_the_changelog_begins_with_what_is_unreleased():
    assert re.findall(r"^## (.+)$", page("CHANGELOG.md").text, re.MULTILINE)[0] == "[Unreleased]"


def test_no_tracked_file_names_a_machine_or_a_package_index():
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and path.suffix in TEXT and name not in EXEMPT:
            text = path.read_text(encoding="utf-8", errors="ignore")
            found += [f"{name}: {match.group()} is {match.lastgroup}" for match in WORDS.finditer(text)]

    assert found == []


@pytest.mark.parametrize(
    "lock", sorted(ROOT.glob("requirements*/*")) + sorted(ROOT.glob("requirements.*")), ids=lambda path: path.name
)
def test_a_lock_names_no_place_to_download_from(lock):
    assert "://" not in lock.read_text()
