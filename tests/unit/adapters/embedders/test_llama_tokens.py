"""Our tokeniser equals the `tokenizers` library, on anything."""

import random
import string

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import Prepend, Replace, Sequence

from chalicelib.adapters.embedders.llama_tokens import LlamaTokens
from chalicelib.adapters.embedders.wordllama import WEIGHTS

SPECIAL = ["<unk>", "<s>", "</s>"]

with np.load(WEIGHTS) as stored:
    VOCABULARY = stored["vocabulary"].tobytes().decode().split("\0")
    RANKS = stored["ranks"].tolist()


def reference():
    """The library, fed with the merges that the ranks stand for."""
    ids = {token: number for number, token in enumerate(VOCABULARY)}
    merges = sorted(
        (RANKS[ids[token]], ids[token[:cut]], ids[token[cut:]])
        for token in VOCABULARY
        if RANKS[ids[token]]
        for cut in range(1, len(token))
        if token[:cut] in ids and token[cut:] in ids
    )
    pairs = [(VOCABULARY[left], VOCABULARY[right]) for _, left, right in merges]
    tokenizer = Tokenizer(BPE(ids, pairs, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = Sequence([Prepend("▁"), Replace(" ", "▁")])
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


REFERENCE = reference()
OURS = LlamaTokens(VOCABULARY, RANKS)

pieces = st.sampled_from(
    [
        *VOCABULARY[259:],
        *SPECIAL,
        "<0x0A>",
        "\x00",
        "\x7f",
        "\u0301",
        "👨‍👩‍👧",
        "▁",
        " ",
        "  ",
        "\t",
        "\r\n",
        "中文",
        "ﷺ",
    ]
)
runs = st.builds(lambda character, times: character * times, st.sampled_from("-=. a#_*▁\n0"), st.integers(1, 40))
texts = st.text() | st.lists(pieces | runs, max_size=20).map("".join)


@given(texts)
@example("")
@example(" ")
@example("<s> hello</s><unk>")
@example("Ein Beispiel: »Łódź«, 東京 and 😀")
def test_it_equals_the_library(text):
    assert OURS.encode(text) == REFERENCE.encode(text, add_special_tokens=False).ids


def test_it_equals_the_library_on_many_random_texts():
    choose = random.Random(1)
    alphabet = [
        *string.printable,
        "é",
        "ß",
        "▁",
        "中",
        "国",
        "й",
        "😀",
        "\u200d",
        *choose.choices(VOCABULARY[259:], k=300),
    ]
    batch = ["".join(choose.choices(alphabet, k=choose.randint(0, 60))) for _ in range(5_000)]

    expected = REFERENCE.encode_batch(batch, add_special_tokens=False)

    assert [OURS.encode(text) for text in batch] == [encoded.ids for encoded in expected]


@pytest.mark.parametrize("text", ["a" * 20_000, "the quick fox " * 5_000, " " * 20_000, "東京" * 10_000])
def test_long_texts(text):
    assert OURS.encode(text) == REFERENCE.encode(text, add_special_tokens=False).ids


def test_whatever_is_a_token_is_merged_into_it():
    whole = VOCABULARY[259:]

    assert [OURS._merged(token) for token in whole] == [[token] for token in whole]


def test_half_a_surrogate_pair_is_no_failure():
    assert OURS.encode("a\ud83d") == [*OURS.encode("a"), VOCABULARY.index("<0x3F>")]  # a question mark's byte


def test_a_word_is_merged_once_for_a_text_and_anew_for_the_next(monkeypatch):
    tokens, merged = LlamaTokens(VOCABULARY, RANKS), []
    monkeypatch.setattr(tokens, "_merged", lambda word: merged.append(word) or [word])

    for _ in range(2):
        tokens.encode("unheardly and unheardly untolderly")

    assert merged == ["▁unheardly", "▁untolderly"] * 2
