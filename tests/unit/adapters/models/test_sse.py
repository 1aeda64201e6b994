"""Server-sent events survive any cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.sse import EventDecoder, TooLong

ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def decoded(stream, cuts=(), limit=10_000):
    decoder = EventDecoder(limit)
    places = [0, *sorted(cuts), len(stream)]
    pieces = (stream[start:end] for start, end in pairwise(places))
    return [event for piece in pieces for event in decoder.feed(piece)]


@given(
    st.data(), ENDS, st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1), max_size=6)
)
def test_events_are_the_same_however_the_bytes_are_cut(data, end, texts):
    stream = "".join(f"data: {text}{end}{end}" for text in texts).encode()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))

    assert decoded(stream, cuts) == texts


def test_characters_and_line_ends_cut_in_two():
    stream = "data: 😀é\r\n\r\ndata: Łódź\r\n\r\n".encode()

    assert decoded(stream, range(len(stream))) == ["😀é", "Łódź"]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        ("data: a\ndata: b\n\n", ["a\nb"]),
        (": keep-alive\n\ndata: a\n\n", ["a"]),
        ("event: delta\nid: 7\nretry: 10\ndata: a\n\n", ["a"]),
        ("data:a\n\n", ["a"]),
        ("data:  a\n\n", [" a"]),
        ("data\n\n", [""]),
        ("\ufeffdata: a\n\n", ["a"]),
        ("\n\n\ndata: a\n\n\n\n", ["a"]),
        ("data: never ended\n", []),
        ("data: a\n\ndata: cut", ["a"]),
    ],
)
def test_what_makes_an_event(stream, events):
    assert decoded(stream.encode()) == events


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 200, b"data: x\n" * 200])
def test_an_event_that_does_not_end_is_given_up(stream):
    with pytest.raises(TooLong):
        decoded(stream, range(0, len(stream), 10), limit=100)


def test_many_events_in_one_piece_are_no_long_event():
    assert len(decoded(b"data: x\n\n" * 1_000, limit=100_000)) == 1_000
