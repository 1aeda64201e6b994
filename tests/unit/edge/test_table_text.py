"""Tables for spreadsheets: whole, and with nothing that runs."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.edge.table_text import table_text

CELLS = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_what_is_read_is_what_was_written_but_for_the_apostrophe(rows):
    text = table_text(("a", "b"), rows)

    head, *read = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert head == ["a", "b"]
    assert [[cell.removeprefix("'") for cell in row] for row in read] == [
        [cell.removeprefix("'") for cell in row] for row in rows
    ]
    assert not [cell for row in read for cell in row if cell.lstrip()[:1] in set("=+-@＝＋－＠")]


def test_lines_end_as_the_standard_says():
    assert table_text(("a", "b"), [(1, None), ('"', "x,y")]) == 'a,b\r\n1,\r\n"""","x,y"\r\n'


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", " =1", "＝1", "\u3000=1"])
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(text):
    (row,) = list(csv.reader(io.StringIO(table_text((text,), ()), newline="")))

    assert row == [f"'{text}"]


@pytest.mark.parametrize("text", ["", "a=1", "1-1", "a@b", "ada lovelace"])
def test_other_text_stays_as_it_is(text):
    assert table_text((text,), ()) == f"{text}\r\n"
