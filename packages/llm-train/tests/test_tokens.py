"""Token files: shards, their header, and any part of them as one row."""

import json
import os
import resource

import numpy as np
import pytest

from llm_train.commands.main import main
from llm_train.data.batches import StreamBatches
from llm_train.data.shards import EncodedPart, Shard, joined, verify_tokens, write_header
from llm_train.data.tokens import open_tokens, write_tokens
from llm_train.interface import TrainError

DOCUMENTS = [[1, 2, 3], [4], [5, 6], [7, 8, 1, 2]]


def write(path, documents=DOCUMENTS, **changes):
    settings = {"separator": 9, "vocab_size": 10, "tokenizer_sha256": "t"} | changes
    return write_tokens(path, (EncodedPart(ids, len(ids) + 1) for ids in documents), **settings)


def test_documents_stand_between_separators(tmp_path):
    text = write(tmp_path / "a.json")
    assert text.read(0, len(text)).tolist() == [9, 1, 2, 3, 9, 4, 9, 5, 6, 9, 7, 8, 1, 2, 9]
    assert text.ends(0, len(text)).tolist() == [5, 7, 10, 15]
    assert (text.header.tokens, text.header.documents, text.bytes) == (15, 4, 14)


def test_a_document_may_come_in_parts(tmp_path):
    parts = [EncodedPart([1, 2], 5, False), EncodedPart([3], 2), EncodedPart([4], 1)]
    text = write_tokens(tmp_path / "a.json", parts, separator=9, vocab_size=10, tokenizer_sha256="t")
    assert text.read(0, len(text)).tolist() == [9, 1, 2, 3, 9, 4, 9]
    assert (text.header.documents, text.bytes) == (2, 8)


@pytest.mark.parametrize(("vocab_size", "dtype", "size"), [(65536, "<u2", 30), (65537, "<u4", 60)])
def test_ids_take_as_many_bytes_as_they_need(tmp_path, vocab_size, dtype, size):
    text = write(tmp_path / "a.json", vocab_size=vocab_size)
    assert text.header.dtype == dtype
    assert (tmp_path / "a-00000.bin").stat().st_size == size


@pytest.mark.parametrize("shard_tokens", [1, 4, 6, 100])
def test_shards_are_read_as_one_row(tmp_path, shard_tokens):
    whole = write(tmp_path / "whole.json")
    row, ends = whole.read(0, len(whole)).tolist(), whole.ends(0, len(whole)).tolist()
    text = write(tmp_path / "a.json", shard_tokens=shard_tokens)
    for start in range(len(row)):
        for length in range(len(row) - start + 1):
            assert text.read(start, length).tolist() == row[start : start + length]
            assert text.ends(start, length).tolist() == [end - start for end in ends if 1 <= end - start <= length]
    assert [end for some in text.all_ends(3) for end in some.tolist()] == ends
    assert text.at(np.array([14, 0, 7])).tolist() == [row[14], row[0], row[7]]


def test_a_part_is_a_text_of_its_own(tmp_path):
    text = write(tmp_path / "a.json", shard_tokens=4).part(4, 10, 7)
    assert text.read(0, len(text)).tolist() == [9, 4, 9, 5, 6, 9]
    assert text.ends(0, 6).tolist() == [1, 3, 6] == [end for some in text.all_ends() for end in some.tolist()]
    assert text.bytes == 7
    with pytest.raises(TrainError, match="has 6 tokens, those from 5 to 7"):
        text.read(5, 2)


def test_an_id_outside_the_vocabulary_is_refused(tmp_path):
    with pytest.raises(TrainError, match="from 0 to 9, were up to 10"):
        write(tmp_path / "a.json", [[3, 10]])
    assert not list(tmp_path.iterdir())


def test_another_tokenizers_ids_are_refused(tmp_path):
    write(tmp_path / "a.json")
    with pytest.raises(TrainError, match="another tokenizer"):
        open_tokens(tmp_path / "a.json", tokenizer_sha256="u")


@pytest.mark.parametrize("damage", ["cut ids", "cut ends", "no ids", "header", "no header", "another format", "list"])
def test_damage_is_noticed_at_the_start(tmp_path, damage):
    path = tmp_path / "a.json"
    write(path)
    ids = tmp_path / "a-00000.bin"
    if damage.startswith("cut"):
        cut = ids if damage == "cut ids" else tmp_path / "a-00000.ends"
        cut.write_bytes(cut.read_bytes()[:-1])
    elif damage == "no ids":
        ids.unlink()
    elif damage == "no header":
        path.unlink()
    else:
        other = json.loads(path.read_text()) | {"format": "llm-train tokens 1"}
        path.write_text({"header": '{"format": "?"', "list": "[]", "another format": json.dumps(other)}[damage])
    with pytest.raises(TrainError, match=r"a(-00000)?\.(json|bin|ends): .*prepare the tokens again"):
        open_tokens(path)


def test_a_changed_byte_is_found_by_verify(tmp_path, capsys):
    write(tmp_path / "tokens.json", shard_tokens=6)
    assert all(intact for _, intact in verify_tokens(tmp_path / "tokens.json"))
    assert main(["verify", str(tmp_path)]) == 0
    assert "as written" in capsys.readouterr().out
    path = tmp_path / "tokens-00001.bin"
    content = bytearray(path.read_bytes())
    content[1] ^= 1
    path.write_bytes(content)
    open_tokens(tmp_path / "tokens.json")  # sizes are right
    assert main(["verify", str(tmp_path)]) == 2
    assert "tokens-00001.bin" in capsys.readouterr().err


def test_verify_says_where_there_is_nothing(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 2
    assert "has no token files" in capsys.readouterr().err


def test_a_trillion_tokens_take_no_memory(tmp_path):
    shards = []
    for number in range(4):
        ids, ends = tmp_path / f"tokens-{number}.bin", tmp_path / f"tokens-{number}.ends"
        ends.touch()
        try:
            with ids.open("wb") as file:
                os.truncate(file.fileno(), 2 * 25 * 10**10)
        except OSError as error:
            pytest.skip(f"no sparse file of half a terabyte here: {error}")
        shards.append(Shard(file=ids.name, tokens=25 * 10**10, documents=0, sha256="", ends=ends.name, ends_sha256=""))
    header = joined(shards, size=4 * 10**12, vocab_size=50_000, separator=0, tokenizer_sha256="t")
    write_header(tmp_path / "tokens.json", header)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = open_tokens(tmp_path / "tokens.json")
    batch = StreamBatches(text, context_length=2048, batch=64, seed=1)(10**6)
    assert batch.tokens.shape == (64, 2048)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes
    assert len(np.unique(batch.tokens.numpy())) == 1
