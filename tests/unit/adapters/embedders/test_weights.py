"""What is made of the wheel: the same bytes each time, or one sentence."""

import json
import os

import numpy as np
import pytest

from chalicelib.adapters.embedders.wordllama import WEIGHTS
from infra import weights

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
TOKENS = ["<unk>", "<s>", "</s>", *BYTES, "ab", "abc", "a", "b", "c", "bc", "▁"]
MERGES = ["a b", "ab c", "a bc", "b c"]


def wheel(folder, *, merges=MERGES, dtype="F16", rows=None):
    rows = rows or len(TOKENS)
    values = np.linspace(-2, 2, rows * 256, dtype="<f2").reshape(rows, 256)
    header = {"embedding.weight": {"dtype": dtype, "shape": values.shape, "data_offsets": [0, values.nbytes]}}
    head = json.dumps(header).encode()
    (folder / "weights").mkdir()
    (folder / weights._TABLE).write_bytes(len(head).to_bytes(8, "little") + head + values.tobytes())
    model = {"vocab": {token: number for number, token in enumerate(TOKENS)}, "merges": merges}
    (folder / "tokenizers").mkdir()
    (folder / weights._TOKENIZER).write_text(json.dumps({"model": model}))
    return values


def test_the_file_holds_table_and_vocabulary(tmp_path):
    values = wheel(tmp_path).astype(np.float32)
    path = tmp_path / "out" / "wordllama.npz"

    weights.write(path, weights.packed(tmp_path))

    with np.load(path) as stored:
        assert np.abs(stored["rows"] * stored["scales"][:, None] - values).max() <= np.abs(values).max() / 254 * 1.01
        assert stored["vocabulary"].tobytes().decode().split("\0") == TOKENS
        assert stored["ranks"].tolist() == [0] * 259 + [1, 2, 0, 0, 0, 4, 0]


def test_the_same_wheel_gives_the_same_bytes(tmp_path):
    wheel(tmp_path)

    assert weights.packed(tmp_path) == weights.packed(tmp_path)


def test_a_file_that_is_right_is_left_alone_but_looks_new(tmp_path):
    path = tmp_path / "file"
    weights.write(path, b"data")
    made = path.stat()
    os.utime(path, (1, 1))

    weights.write(path, b"data")

    assert path.stat().st_ino == made.st_ino
    assert path.stat().st_mtime > 1
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"merges": ["a b", "b c", "ab c"]}, "merges"),
        ({"dtype": "F32"}, "F16"),
        ({"rows": 5}, "5 rows"),
    ],
)
def test_another_wheel_is_refused(tmp_path, changes, said):
    wheel(tmp_path, **changes)

    with pytest.raises(weights.Unusable, match=said):
        weights.packed(tmp_path)


def test_a_wheel_without_the_files_is_refused(tmp_path):
    with pytest.raises(weights.Unusable, match="l2_supercat_256"):
        weights.packed(tmp_path)


def test_no_wheel_is_one_sentence_and_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda _: None)

    assert weights.main() == 1
    assert capsys.readouterr().err == (
        "infra.weights: install wordllama first: pip install --no-deps -r requirements/weights.txt\n"
    )


def test_what_is_installed_here_is_what_the_wheel_gives():
    assert weights.packed(weights.wheel_folder()) == WEIGHTS.read_bytes()
