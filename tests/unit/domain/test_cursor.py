"""Cursors that nobody but the gateway can make."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.cursor import seal, unseal
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import Peppers
from tests.builders import PEPPERS

LISTING = ("keys", "acme", "")
POSITION = "a2" * 20
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/%. \x00é"
MUTATIONS = 10_000
POSITIONS = st.text(st.characters(codec="ascii"), max_size=60)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)


@given(POSITIONS, st.tuples(NAMES, NAMES, NAMES))
def test_a_cursor_leads_back_to_its_position(position, listing):
    assert unseal(seal(position, listing, PEPPERS), listing, PEPPERS) == position


@given(POSITIONS, st.tuples(NAMES, NAMES, NAMES), st.tuples(NAMES, NAMES, NAMES))
def test_a_cursor_is_good_for_one_listing(position, listing, other):
    cursor = seal(position, listing, PEPPERS)

    if listing != other:
        with pytest.raises(BadRequest):
            unseal(cursor, other, PEPPERS)


def mutated(cursor, seed):
    """`cursor` with one to three letters changed, left out, added or swapped."""
    letters = list(cursor)
    for _ in range(seed.randint(1, 3)):
        place = seed.randrange(len(letters))
        match seed.randrange(4):
            case 0:
                letters[place] = seed.choice(ALPHABET)
            case 1 if len(letters) > 1:
                del letters[place]
            case 2:
                letters.insert(place, seed.choice(ALPHABET))
            case _:
                other = seed.randrange(len(letters))
                letters[place], letters[other] = letters[other], letters[place]
    return "".join(letters)


def test_ten_thousand_mutations_are_all_refused():
    cursor, seed = seal(POSITION, LISTING, PEPPERS), random.Random(31)
    mutations = (mutated(cursor, seed) for _ in range(MUTATIONS * 2))
    others = [other for other in mutations if other != cursor][:MUTATIONS]

    for other in others:
        with pytest.raises(BadRequest) as caught:
            unseal(other, LISTING, PEPPERS)
        assert caught.value.param == "after"

    assert len(others) == MUTATIONS


@given(st.text(max_size=200))
def test_any_text_is_refused(text):
    with pytest.raises(BadRequest):
        unseal(text, LISTING, PEPPERS)


def test_a_cursor_of_another_pepper_is_refused():
    cursor = seal(POSITION, LISTING, Peppers(1, {1: b"other"}))

    with pytest.raises(BadRequest):
        unseal(cursor, LISTING, PEPPERS)


def test_a_cursor_outlives_another_current_pepper_and_not_its_own():
    cursor = seal(POSITION, LISTING, PEPPERS)
    both = {**PEPPERS.by_version, 2: b"newer"}

    assert unseal(cursor, LISTING, Peppers(2, both)) == POSITION
    with pytest.raises(BadRequest):
        unseal(cursor, LISTING, Peppers(2, {2: b"newer"}))


def test_the_version_of_a_cursor_is_sealed_with_it():
    twins = Peppers(1, {1: b"pepper", 2: b"pepper"})
    text = base64.urlsafe_b64decode(seal("ab", ("keys",), twins))
    other = base64.urlsafe_b64encode(text.replace(b"1:ab", b"2:ab")).decode()

    assert text.endswith(b"1:ab")
    with pytest.raises(BadRequest):
        unseal(other, ("keys",), twins)


@pytest.mark.parametrize("version", ["", "one", "-1", "+1", "01", " 1", "1_", "9" * 5_000, "1.0", "9" * 30])
def test_a_version_that_none_has_is_refused(version):
    text = base64.urlsafe_b64decode(seal("ab", ("keys",), PEPPERS)).decode()
    other = base64.urlsafe_b64encode(f"{text[:32]}{version}:ab".encode()).decode().rstrip("=")

    with pytest.raises(BadRequest):
        unseal(other, ("keys",), PEPPERS)


def test_a_cursor_fits_into_a_query_as_it_is():
    assert set(seal(POSITION, LISTING, PEPPERS)) <= set(ALPHABET[:64])
