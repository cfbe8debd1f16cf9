"""With the vocabularies of well-known models, our ids are those of the models' own libraries."""

from __future__ import annotations

import base64
import json
import random

import pytest
import tiktoken
import tokenizers
from oracles import Oracle, oracles
from record_torture import record
from vocabularies import folder

from llm_tokenizer import ChatML, Message, TokenizerError, load_tokenizer, save_tokenizer, train_bpe
from llm_tokenizer.bpe.splitting import PATTERNS
from llm_tokenizer.files.gpt2 import load_gpt2, save_gpt2
from llm_tokenizer.files.tiktoken import ENCODINGS, Encoding, load_tiktoken, save_tiktoken
from llm_tokenizer.spec.torture import has_surrogates, recorded_ids, torture_texts

VOCABULARIES = folder()
ORACLES = {oracle.name: oracle for oracle in oracles(VOCABULARIES)}
by_vocabulary = pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)


@pytest.fixture(scope="module")
def loaded():
    """Each tokenizer, read once."""
    return {name: load_tokenizer(oracle.ours) for name, oracle in ORACLES.items()}


def test_all_vocabularies_are_recorded():
    assert list(recorded_ids()) == list(ORACLES)


@by_vocabulary
def test_the_recorded_ids_are_the_library_s(oracle: Oracle):
    stored = recorded_ids()[oracle.name]
    found = record(oracle)
    assert found["plain"] == stored.plain
    assert found["special"] == stored.special


@by_vocabulary
@pytest.mark.parametrize("text", torture_texts())
def test_our_ids_of_the_torture_texts(oracle: Oracle, text: str, loaded):
    tokenizer, stored = loaded[oracle.name], recorded_ids()[oracle.name]
    content = torture_texts()[text]
    ids = stored.plain[text]
    if ids is None:
        with pytest.raises(TokenizerError, match=r"text: (character|this vocabulary has no token for the byte)"):
            tokenizer.encode(content)
        return
    assert tokenizer.encode(content) == ids
    assert not set(ids) & set(tokenizer.special_tokens.values())
    if stored.special is not None:
        assert tokenizer.encode(content, allowed_special="all") == stored.special.get(text, ids)
    assert tokenizer.decode(ids) == oracle.decode(ids)


@by_vocabulary
def test_decoding_ids_in_any_order(oracle: Oracle, loaded):
    tokenizer = loaded[oracle.name]
    dice = random.Random(1)
    special = set(tokenizer.special_tokens.values())
    ordinary = [id for id in range(min(tokenizer.vocab_size, 50_000)) if id not in special]
    for _ in range(200):
        ids = dice.choices(ordinary, k=dice.randint(1, 12))
        assert tokenizer.decode(ids) == oracle.decode(ids)


def test_qwen_s_rank_file_gives_the_ids_of_its_tokenizer_json():
    tokenizer = load_tokenizer(VOCABULARIES / "qwen.tiktoken")
    for name, text in torture_texts().items():
        if not has_surrogates(text):
            assert tokenizer.encode(text) == recorded_ids()["qwen3"].plain[name]


@pytest.mark.parametrize("name", [name for name in ORACLES if name != "mistral"])
def test_what_we_save_is_the_same_to_the_library(name: str, loaded, tmp_path):
    tokenizer, stored = loaded[name], recorded_ids()[name]
    path = save_tokenizer(tokenizer, tmp_path)
    theirs, again = tokenizers.Tokenizer.from_file(str(path)), load_tokenizer(tmp_path)
    assert again.vocab_size == tokenizer.vocab_size
    assert again.special_tokens == tokenizer.special_tokens
    if ORACLES[name].ours.name == "tokenizer.json":
        assert _marks_of_special(path) == _marks_of_special(ORACLES[name].ours)
    for text, ids in stored.plain.items():
        if ids is None:
            continue
        allowed = stored.special.get(text, ids)
        assert again.encode(torture_texts()[text]) == ids
        assert again.encode(torture_texts()[text], allowed_special="all") == allowed
        assert theirs.encode(torture_texts()[text], add_special_tokens=False).ids == allowed, text


def _marks_of_special(path):
    """Which added tokens other libraries take for special: Qwen's `<think>` is to be seen by readers."""
    added_tokens = json.loads(path.read_text(encoding="utf-8"))["added_tokens"]
    return {token["content"]: token["special"] for token in added_tokens}


@pytest.mark.parametrize("name", ["gpt2", "cl100k_base", "o200k_base"])
def test_rank_files_come_back_byte_for_byte(name: str, loaded, tmp_path):
    path = save_tiktoken(loaded[name], tmp_path / f"{name}.tiktoken")
    if name != "gpt2":
        assert path.read_bytes() == ORACLES[name].ours.read_bytes()
    again = load_tiktoken(path, ENCODINGS[name])
    for text, ids in recorded_ids()[name].plain.items():
        if ids is not None:
            assert again.encode(torture_texts()[text]) == ids


def test_gpt2_s_two_files_come_back(loaded, tmp_path):
    save_gpt2(loaded["gpt2"], tmp_path)
    theirs = VOCABULARIES / "gpt2"
    assert json.loads((tmp_path / "encoder.json").read_text()) == json.loads((theirs / "encoder.json").read_text())
    assert (tmp_path / "vocab.bpe").read_text(encoding="utf-8") == (theirs / "vocab.bpe").read_text(encoding="utf-8")
    assert load_gpt2(tmp_path).merges == loaded["gpt2"].merges


def test_tiktoken_reads_the_ranks_of_a_tokenizer_that_we_trained(tmp_path):
    texts = [text for text in torture_texts().values() if not has_surrogates(text)]
    trained = train_bpe(texts, vocab_size=1500, pattern="gpt2")
    path = save_tiktoken(trained, tmp_path / "trained.tiktoken")
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, path.read_bytes().splitlines())}
    theirs = tiktoken.Encoding("trained", pat_str=PATTERNS["gpt2"].split, mergeable_ranks=ranks, special_tokens={})
    ours = load_tiktoken(path, Encoding(pattern="gpt2"))
    for text in texts:
        assert theirs.encode_ordinary(text) == trained.encode(text) == ours.encode(text)


@pytest.mark.parametrize("name", ["qwen3", "smollm2"])
def test_a_conversation_has_the_ids_of_its_layout_as_text(name: str, loaded):
    said = ["You are kind.", "What is 2 + 2?", "It is 4.\n\nAnything else?", "No,  thank you! 👍\n\n", "Goodbye.\n"]
    roles = ["system", "user", "assistant", "user", "assistant"]
    layout = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in zip(roles, said, strict=True))
    messages = [Message(role=role, content=text) for role, text in zip(roles, said, strict=True)]
    assert ChatML(loaded[name]).encode(messages).ids == ORACLES[name].special(layout)
