import json

import numpy as np
import pytest

from llm_train.data import tokens
from llm_train.data.tokens import open_tokens, write_tokens
from llm_train.interface import TrainError


def write(path, **changes):
    settings = {"separator": 9, "text_bytes": 20, "vocab_size": 10, "tokenizer_sha256": "t"} | changes
    return write_tokens(path, [[1, 2, 3], [4]], **settings)


def test_documents_stand_between_separators(tmp_path):
    file = write(tmp_path / "a.bin")
    assert file.ids.tolist() == [9, 1, 2, 3, 9, 4, 9]
    assert len(file) == file.header.tokens == 7
    assert file.header.bytes == 20


@pytest.mark.parametrize(("vocab_size", "dtype", "size"), [(65536, "<u2", 14), (65537, "<u4", 28)])
def test_ids_take_as_many_bytes_as_they_need(tmp_path, vocab_size, dtype, size):
    file = write(tmp_path / "a.bin", vocab_size=vocab_size)
    assert file.header.dtype == dtype
    assert (tmp_path / "a.bin").stat().st_size == size


def test_ids_are_mapped_not_read(tmp_path):
    written = write(tmp_path / "a.bin")
    opened = open_tokens(tmp_path / "a.bin", tokenizer_sha256="t")
    assert isinstance(written.ids, np.memmap) and isinstance(opened.ids, np.memmap)
    assert (opened.ids.tolist(), opened.header) == (written.ids.tolist(), written.header)


def test_ids_are_hashed_once_where_they_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "open_tokens", None)
    assert len(write(tmp_path / "a.bin")) == 7


def test_another_tokenizers_ids_are_refused(tmp_path):
    write(tmp_path / "a.bin")
    with pytest.raises(TrainError, match="another tokenizer"):
        open_tokens(tmp_path / "a.bin", tokenizer_sha256="u")


@pytest.mark.parametrize("damage", ["flip", "cut", "header", "no header"])
def test_damage_is_noticed(tmp_path, damage):
    path = tmp_path / "a.bin"
    write(path)
    content = bytearray(path.read_bytes())
    header = path.with_suffix(".json")
    if damage == "flip":
        content[3] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-2])
    elif damage == "header":
        header.write_text(json.dumps({"format": "?"}))
    else:
        header.unlink()
    with pytest.raises(TrainError, match=r"a\.bin"):
        open_tokens(path, tokenizer_sha256="t")
