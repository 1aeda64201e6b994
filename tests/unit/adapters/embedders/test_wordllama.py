"""The offline embedder is the mean of its table's rows, made unit, at any length of text."""

import numpy as np
import pytest

from chalicelib.adapters.embedders.llama_tokens import LlamaTokens
from chalicelib.adapters.embedders.wordllama import WEIGHTS, WordLlamaEmbedder, open_wordllama
from chalicelib.domain.errors import Misconfigured


def vectors(*texts, dimensions=None):
    embedded = open_wordllama("wordllama://").embed(texts, dimensions)
    return np.array([np.frombuffer(vector, "<f4") for vector in embedded.vectors])


def similarity(one, other):
    first, second = vectors(one, other)
    return float(first @ second)


@pytest.mark.parametrize("text", ["How do I reset my password?", "Łódź 😀 東京", "word " * 5_000])
@pytest.mark.parametrize("dimensions", [256, 128, 64])
def test_a_vector_is_the_unit_mean_of_rows(text, dimensions):
    with np.load(WEIGHTS) as stored:
        tokens = LlamaTokens(stored["vocabulary"].tobytes().decode().split("\0"), stored["ranks"].tolist())
        ids = tokens.encode(text)
        mean = (stored["rows"][ids].astype(np.float64) * stored["scales"][ids, None]).mean(axis=0)[:dimensions]

    (vector,) = vectors(text, dimensions=dimensions)

    assert vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_paraphrases_are_nearer_than_other_questions():
    asked = "How can I change my password?"

    assert similarity(asked, "How do I reset my password?") > 0.6 > similarity(asked, "What is the capital of Peru?")


def test_a_shorter_vector_is_the_beginning_of_the_long_one():
    (long,), (short,) = vectors("a text"), vectors("a text", dimensions=64)

    assert short == pytest.approx(long[:64] / np.linalg.norm(long[:64]), abs=1e-6)


def test_a_text_without_tokens_is_like_nothing():
    (vector,) = vectors("")

    assert not vector.any()


def test_tokens_are_counted():
    assert open_wordllama("wordllama://").embed(["hello world", "again"]).input_tokens == 3


def test_a_missing_table_says_how_to_make_it(tmp_path):
    embedder = WordLlamaEmbedder(tmp_path / "wordllama.npz")

    with pytest.raises(Misconfigured, match=r"python -m infra\.weights"):
        embedder.embed(["a text"])


@pytest.mark.parametrize("uri", ["wordllama://large", "wordllama://?dimensions=64"])
def test_there_is_only_one(uri):
    with pytest.raises(Misconfigured):
        open_wordllama(uri)
