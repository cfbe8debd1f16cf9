"""Model folders as they are published: our ids are those of transformers and sentencepiece, begin and end included."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest

from llm_tokenizer import load_tokenizer, save_tokenizer, train_bpe
from llm_tokenizer.files.gpt2 import save_gpt2
from llm_tokenizer.files.huggingface_writing import to_hugging_face

os.environ["HF_HUB_OFFLINE"] = "1"
sentencepiece = pytest.importorskip("sentencepiece")
transformers = pytest.importorskip("transformers")

SENTENCES = [
    "the model reads a text",
    "naïve 猫 cats",
    "<b>the</b> table",
    "  two  spaces",
    "12 of 345",
    "the the the cat",
]
DICE = random.Random(0)
TEXTS = ["", "   ", " the", "the cat\n\n  sat", "naïve 猫é"]
TEXTS += ["".join(DICE.choices(["the ", "model", " ", "  ", "\n", "猫", "<b>", "12"], k=20)) for _ in range(100)]
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def ours(tokenizer):
    return [tokenizer.build_inputs_with_special_tokens(tokenizer.encode(text)) for text in TEXTS]


def theirs(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return [tokenizer(text).input_ids for text in TEXTS]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a function that trains a SentencePiece model with byte fallback."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "text.txt").write_text("\n".join(SENTENCES * 20), encoding="utf-8")

    def train(name, **settings):
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / "text.txt"), model_prefix=str(folder / name), vocab_size=320, model_type="bpe",
            byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False,
            hard_vocab_limit=False, **settings,
        )  # fmt: skip
        return folder / f"{name}.model"

    return train


def put(folder, config, **files):
    folder.mkdir()
    for name, content in {"tokenizer_config": config, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def test_a_llama_2_folder(tmp_path, model):
    file = model("llama")
    config = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>"}
    shutil.copy(file, put(tmp_path / "a", config) / "tokenizer.model")
    expected = sentencepiece.SentencePieceProcessor(model_file=str(file))
    assert ours(load_tokenizer(tmp_path / "a")) == [[1, *expected.encode(text)] for text in TEXTS]
    transformers.AutoTokenizer.from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "new")
    assert ours(load_tokenizer(tmp_path / "new")) == theirs(tmp_path / "new")
    document = json.loads((tmp_path / "new" / "tokenizer.json").read_text())
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    document["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, spaces]}
    document["pre_tokenizer"] = None
    put(tmp_path / "old", config | {"tokenizer_class": "PreTrainedTokenizerFast"}, tokenizer=document)
    old = load_tokenizer(tmp_path / "old")
    assert ours(old) == theirs(tmp_path / "old") == [[1, *expected.encode(text)] for text in TEXTS]
    save_tokenizer(old, tmp_path / "again")
    assert theirs(tmp_path / "again") == ours(old)


def test_a_gemma_folder(tmp_path, model):
    names = {"bos_piece": "<bos>", "eos_piece": "<eos>", "pad_piece": "<pad>"}
    places = {"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3}
    file = model("gemma", add_dummy_prefix=False, user_defined_symbols=["\n\n", "<b>", "▁▁"], **names, **places)
    config = {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "bos_token": "<bos>", "eos_token": "<eos>"}
    shutil.copy(file, put(tmp_path / "a", config) / "tokenizer.model")
    expected = sentencepiece.SentencePieceProcessor(model_file=str(file))
    tokenizer = load_tokenizer(tmp_path / "a")
    assert ours(tokenizer) == [[2, *expected.encode(text)] for text in TEXTS]
    written = sentencepiece.SentencePieceProcessor(model_file=str(save_tokenizer(tokenizer, tmp_path / "b")))
    assert [written.encode(text) for text in TEXTS] == [expected.encode(text) for text in TEXTS]
    assert (written.bos_id(), written.eos_id(), written.unk_id()) == (2, 1, 3)
    transformers.AutoTokenizer.from_pretrained(tmp_path / "a").save_pretrained(tmp_path / "new")
    assert ours(load_tokenizer(tmp_path / "new")) == theirs(tmp_path / "new")


TRAINED = train_bpe(SENTENCES * 3, vocab_size=300)
ADDED = {name: 300 + place for place, name in enumerate(SPECIAL)}


@pytest.mark.parametrize(
    "config",
    [
        {"tokenizer_class": "Qwen2Tokenizer", "eos_token": SPECIAL[2], "pad_token": SPECIAL[0]},
        {"tokenizer_class": "GPT2Tokenizer", **dict.fromkeys(("bos_token", "eos_token", "unk_token"), SPECIAL[0])},
    ],
)
@pytest.mark.parametrize("where", ["added_tokens", "decoder"])
def test_folders_with_two_files(tmp_path, config, where):
    save_gpt2(TRAINED, tmp_path / "a")
    (tmp_path / "a" / "encoder.json").rename(tmp_path / "a" / "vocab.json")
    (tmp_path / "a" / "vocab.bpe").rename(tmp_path / "a" / "merges.txt")
    decoder = {str(id): {"content": name, "special": True} for name, id in ADDED.items()}
    decoder = {id: entry | dict.fromkeys(("lstrip", "rstrip", "normalized"), False) for id, entry in decoder.items()}
    files = {"added_tokens": ADDED} if where == "added_tokens" else {}
    config = config | ({} if files else {"added_tokens_decoder": decoder})
    for name, content in {"tokenizer_config": config, **files}.items():
        (tmp_path / "a" / f"{name}.json").write_text(json.dumps(content))
    assert ours(load_tokenizer(tmp_path / "a")) == theirs(tmp_path / "a")


@pytest.mark.parametrize("around", [([0], []), ([0], [2]), ([], [2]), ([], [])])
def test_post_processors(tmp_path, around):
    special = train_bpe(SENTENCES * 3, vocab_size=303, special_tokens=SPECIAL, pattern="llama3")
    before, after = around
    tokenizer = special.with_text_ids(
        bos_token_id=300, eos_token_id=302, add_bos_token=bool(before), add_eos_token=bool(after)
    )
    folder = Path(save_tokenizer(tokenizer, tmp_path / "a")).parent
    assert ours(load_tokenizer(folder)) == theirs(folder) == ours(tokenizer)
    assert to_hugging_face(load_tokenizer(folder)) == to_hugging_face(tokenizer)
