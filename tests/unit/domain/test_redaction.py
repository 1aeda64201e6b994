"""What is secret by its form is not in what may be logged, and most of what is not still is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.redaction import MOST_CHARACTERS, redacted
from tests.builders import a_credential

KEY = a_credential().token
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (KEY, "[key]"),
        (f"Use {KEY}.", "Use [key]."),
        ("sk-proj-abc_DEF-123", "[key]"),
        ("AKIAIOSFODNN7EXAMPLE", "[key]"),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[key]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N", "[key]"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[key]"),
        ("send bearer abcdefgh.ijkl", "send [key]"),
        (f"keep\n{PEM}\nsafe", "keep\n[key]\nsafe"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEow", "[key]"),
        ("my password is hunter2!", "my [secret]"),
        ("API_KEY=abc", "[secret]"),
        ('{"token": "x y"}', '{"[secret] y"}'),
        ("postgres://ada:pw@db/x", "[url]"),
        ("write to ada.b+c@mail.example.co.uk, please", "write to [email], please"),
        ("call +49 (0)170 123-45 67 now", "call [number] now"),
        ("call 555-0123-456", "call [number]"),
        ("4111 1111 1111 1111", "[number]"),
        ("378282246310005", "[number]"),
        ("DE89 3704 0044 0532 0130 00", "[iban]"),
    ],
)
def test_what_is_secret_by_its_form_is_not_there(text, left):
    assert redacted(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is a tide?",
        "In 2026, 1,500 ships passed; 3.14 is pi, 10:30 is the time.",
        "def f(x): return x[0] @ y",
        "Привет, мир — 潮 🌊",
        "internationalisation of counterrevolutionaries",
    ],
)
def test_what_is_none_of_it_stays(text):
    assert redacted(text) == text


def test_it_has_an_end():
    assert redacted("tide " * 10_000) == ("tide " * 10_000)[:MOST_CHARACTERS] + "…"


@given(st.text("ab1 ,.:;@-/=\n", max_size=MOST_CHARACTERS), st.text("ab1 ,.:;@-/=\n", max_size=3))
def test_wherever_a_key_stands_it_is_not_there(before, after):
    said = redacted(f"{before}{KEY}{after}{KEY}")

    assert KEY[8:20] not in said
    assert KEY[-20:] not in said


@pytest.mark.parametrize("start", range(MOST_CHARACTERS * 2 - 100, MOST_CHARACTERS * 2 + 10, 3))
@pytest.mark.parametrize("filling", ["[email a@b.co] ", "tide "])
def test_no_part_of_a_key_is_left_where_the_text_is_cut(start, filling):
    text = (filling * 1_000)[:start] + " "

    assert KEY[:8] not in redacted(text + KEY)
