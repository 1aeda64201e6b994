"""A stream on its way: its ending runs once, however it ends."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chat import Completion, Delta, Usage
from chalicelib.domain.errors import ModelTimeout, ModelUnavailable, StoreUnavailable
from chalicelib.pipeline.relay import Relay, pieces
from tests.builders import a_completion
from tests.unit.pipeline.stage import HELLO, Scripted

SPENT = Usage(99, 99)


class Endings(list):
    def __call__(self, completion, *, cut):
        self.append((completion, cut))


def counted(completion):
    return completion if completion.usage != Usage() else msgspec.structs.replace(completion, usage=SPENT)


def relayed(*script, ends=None, late=lambda: False):
    endings = Endings() if ends is None else ends
    model = Scripted(*script)
    return Relay(model.stream(None), end=endings, count=counted, late=late), endings, model


def test_pieces_are_passed_on_and_the_usage_comes_last_and_alone():
    relay, endings, _ = relayed(*HELLO)

    heard = list(relay)

    assert heard == [Delta(text="Hel"), Delta(text="lo"), Delta(finish_reason="stop"), Delta(usage=Usage(10, 2))]
    assert endings == [(Completion("Hello", usage=Usage(10, 2)), False)]


def test_the_ending_has_run_before_the_usage_is_told():
    relay, endings, _ = relayed(*HELLO)
    for _ in range(3):
        next(relay)
    assert endings == []

    next(relay)

    assert len(endings) == 1


def test_a_model_that_counts_nothing_is_charged_what_it_can_have_burned():
    relay, endings, _ = relayed(Delta(text="Hi", finish_reason="stop"))

    *_, last = relay

    assert last == Delta(usage=SPENT)
    assert endings[0][0].usage == SPENT


def test_a_fault_ends_the_turn_and_is_raised():
    relay, endings, _ = relayed(Delta(text="Hel"), ModelTimeout("Silent."))
    next(relay)

    with pytest.raises(ModelTimeout):
        next(relay)

    assert endings == [(Completion("Hel", finish_reason="length", usage=SPENT), True)]
    assert list(relay) == []


def test_a_stream_that_stops_without_a_reason_was_cut():
    relay, endings, _ = relayed(Delta(text="Hel"))

    list(relay)

    assert [cut for _, cut in endings] == [True]


@pytest.mark.parametrize("read", range(6))
def test_closing_early_ends_the_turn_with_what_came(read):
    relay, endings, model = relayed(*[Delta(text="x")] * 5, Delta(finish_reason="stop"))
    for _ in range(read):
        next(relay)

    relay.close()

    assert endings == [(Completion("x" * read, finish_reason="length", usage=SPENT), True)]
    assert model.closed == (read > 0)
    assert list(relay) == []


def test_closing_after_the_end_changes_nothing():
    relay, endings, _ = relayed(*HELLO)
    list(relay)

    relay.close()
    relay.close()

    assert len(endings) == 1


def test_closing_after_a_fault_changes_nothing():
    relay, endings, _ = relayed(ModelTimeout("Silent."))
    with pytest.raises(ModelTimeout):
        next(relay)

    relay.close()

    assert len(endings) == 1


@pytest.mark.parametrize("read", range(4))
def test_when_it_is_late_the_model_is_left_and_what_came_is_charged(read):
    times = iter([False] * read + [True] * 2)
    relay, endings, model = relayed(*[Delta(text="x")] * 5, late=lambda: next(times))
    for _ in range(read):
        next(relay)

    with pytest.raises(ModelTimeout):
        next(relay)

    assert endings == [(Completion("x" * read, finish_reason="length", usage=SPENT), True)]
    assert model.closed == (read > 0)
    assert list(relay) == []


def test_closing_between_the_last_piece_and_the_usage_keeps_the_targets_count():
    relay, endings, _ = relayed(*HELLO)
    for _ in range(3):
        next(relay)

    relay.close()

    assert endings[0][0].usage == Usage(10, 2)


def test_a_target_that_fails_to_close_does_not_stop_the_ending():
    class Stubborn(list):
        def __iter__(self):
            return self

        def __next__(self):
            return Delta(text="x")

        def close(self):
            raise ModelUnavailable("No.")

    endings = Endings()
    relay = Relay(Stubborn(), end=endings, count=counted, late=lambda: False)

    with pytest.raises(ModelUnavailable):
        relay.close()

    assert len(endings) == 1


@pytest.mark.parametrize("script", [HELLO, (ModelTimeout("Silent."),)])
def test_an_ending_that_fails_is_not_run_again(script):
    runs = []

    def failing(*_, **__):
        runs.append(1)
        raise StoreUnavailable("Gone.")

    relay, _, _ = relayed(*script, ends=failing)
    with pytest.raises(StoreUnavailable):
        list(relay)

    relay.close()

    assert list(relay) == []
    assert runs == [1]


@given(
    script=st.lists(
        st.sampled_from([Delta(text="x"), Delta(finish_reason="stop"), ModelTimeout("Silent.")]), max_size=6
    ),
    steps=st.lists(st.sampled_from(["next", "close"]), max_size=10),
)
def test_whatever_is_done_the_ending_runs_at_most_once_and_closing_makes_it_run(script, steps):
    relay, endings, _ = relayed(*script)

    for step in steps:
        try:
            next(relay, None) if step == "next" else relay.close()
        except ModelTimeout:
            assert len(endings) == 1
        assert len(endings) <= 1
    relay.close()

    assert len(endings) == 1


@given(st.text(max_size=300), st.integers(1, 60))
def test_a_whole_answer_is_cut_in_pieces_that_make_it_again(text, size):
    *said, reason, usage = pieces(a_completion(text), size)

    assert "".join(piece.text for piece in said) == text
    assert reason.finish_reason == "stop"
    assert usage.usage == a_completion().usage
