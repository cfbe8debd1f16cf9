"""What the files of a model folder say beside the vocabulary: the ids around a text, the class, added tokens."""

import copy
import json

import pytest
from small_files import CONTROL, PIECES, TEXT, TRAINED, byte_level_entries, gguf, llama_json, message, model, published
from small_files import sentencepiece_entries as sentencepiece

from llm_tokenizer import ByteTokenizer, TokenizerError, load_tokenizer, save_tokenizer
from llm_tokenizer.files.gguf_writing import GgufVocabulary, vocabulary_entries
from llm_tokenizer.files.gpt2 import save_gpt2
from llm_tokenizer.files.huggingface_writing import to_hugging_face

START, MIDDLE, END = CONTROL
A, B = {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}


def template(*steps):
    names = [step for step in steps if isinstance(step, str)]
    return {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": step, "type_id": 0}} if step in names else step for step in steps],
        "pair": [A, B],
        "special_tokens": {name: {"id": name, "ids": [CONTROL.index(name)], "tokens": [name]} for name in names},
    }


def write(folder, config=None, changes=None, **files):
    folder.mkdir(exist_ok=True)
    document = copy.deepcopy(to_hugging_face(published("llama3"))) | (changes or {})
    (folder / "tokenizer.json").write_text(json.dumps(document))
    for name, content in ({"tokenizer_config": config or {}} | files).items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


NAMES = {"bos_token": START, "eos_token": {"content": END, "__type": "AddedToken"}}


@pytest.mark.parametrize(
    ("processor", "before", "after"),
    [
        (None, [], []),
        (template(A), [], []),
        (template(START, A), [0], []),
        (template(START, A, END), [0], [2]),
        (template(A, END), [], [2]),
        ({"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}, [], []),
        ({"type": "Sequence", "processors": [{"type": "ByteLevel"}, template(START, A)]}, [0], []),
        ({"type": "BertProcessing", "sep": [END, 2], "cls": [START, 0]}, [0], [2]),
        ({"type": "RobertaProcessing", "sep": [END, 2], "cls": [START, 0], "add_prefix_space": True}, [0], [2]),
    ],
)
def test_the_post_processor_says_which_ids_go_around_a_text(tmp_path, processor, before, after):
    for config in (None, NAMES):
        tokenizer = load_tokenizer(write(tmp_path / "a", config, {"post_processor": processor}))
        ids = tokenizer.encode(TEXT)
        assert ids == published("llama3").encode(TEXT)
        assert tokenizer.build_inputs_with_special_tokens(ids) == before + ids + after
        assert (tokenizer.add_bos_token, tokenizer.add_eos_token) == (bool(before), bool(after))
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 2)
    save_tokenizer(tokenizer, tmp_path / "b")
    again = load_tokenizer(tmp_path / "b")
    assert again.build_inputs_with_special_tokens(ids) == before + ids + after
    assert (again.bos_token_id, again.eos_token_id) == (0, 2)


@pytest.mark.parametrize(
    ("processor", "message"),
    [
        (template(START, MIDDLE, A), r"post_processor: must be one that puts at most one token before a text, was \[0"),
        (template(START), "post_processor.single: must be a template with the text in it, once"),
        (template(A, A), "post_processor.single: must be a template with the text in it, once"),
        ({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}, A]}, r"single\[0\]: must be a token"),
        ({"type": "Sequence", "processors": None}, "post_processor.processors: must be a list"),
        ({"type": "BertProcessing", "sep": END}, "post_processor.cls: must be a token and its id"),
        ("x", "post_processor: must be an object with a type"),
        ({"type": "Other"}, "post_processor.type: must be one of"),
    ],
)
def test_an_odd_post_processor_is_named(tmp_path, processor, message):
    with pytest.raises(TokenizerError, match=message):
        load_tokenizer(write(tmp_path / "a", changes={"post_processor": processor}))


def test_beside_a_tokenizer_json_the_flags_change_nothing_as_in_transformers(tmp_path):
    tokenizer = load_tokenizer(write(tmp_path / "a", NAMES | {"add_bos_token": True}))
    assert not tokenizer.add_bos_token and tokenizer.bos_token_id == 0


def test_names_may_be_in_the_special_tokens_map(tmp_path):
    tokenizer = load_tokenizer(write(tmp_path / "a", special_tokens_map={"bos_token": MIDDLE}))
    assert tokenizer.bos_token_id == 1 and tokenizer.eos_token_id is None
    (tmp_path / "a" / "special_tokens_map.json").write_text("[]")
    with pytest.raises(TokenizerError, match=r"special_tokens_map\.json: the file: must be a JSON object"):
        load_tokenizer(tmp_path / "a")


def tool(normalized, name="<tool>"):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": normalized, "special": False}
    return {"id": 293, "content": name} | flags


def test_what_a_fine_tune_leaves_behind_is_read(tmp_path):
    document = to_hugging_face(published("llama3"))
    changes = {
        "truncation": {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0},
        "padding": {
            "strategy": "BatchLongest",
            "direction": "Right",
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": START,
        },
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [document["pre_tokenizer"]]},
        "decoder": {"type": "Sequence", "decoders": [document["decoder"]]},
        "added_tokens": [*document["added_tokens"], tool(normalized=True)],
    }
    tokenizer = load_tokenizer(write(tmp_path / "a", {}, changes))
    assert tokenizer.normalization == "NFC" and tokenizer.pattern == "llama3"
    assert tokenizer.special_tokens["<tool>"] == 293 and tokenizer.visible_tokens == {"<tool>"}
    assert tokenizer.encode(TEXT) == published("llama3").encode(TEXT)
    changes["added_tokens"][-1] = tool(normalized=True, name="<e\u0301>")
    with pytest.raises(TokenizerError, match=r"added_tokens\[3\].normalized: must be false \(the normalizer changes"):
        load_tokenizer(write(tmp_path / "a", {}, changes))
    changes["added_tokens"][-1] = tool(normalized=False) | {"rstrip": True}
    with pytest.raises(TokenizerError, match=r"rstrip: must be false \(otherwise white space after it would be"):
        load_tokenizer(write(tmp_path / "a", {}, changes))


ADDED = {"<|endoftext|>": 290, "<|im_start|>": 291, "<think>": 292}


def two_files(folder, settings=None, /, **files):
    save_gpt2(TRAINED, folder)
    (folder / "encoder.json").rename(folder / "vocab.json")
    (folder / "vocab.bpe").rename(folder / "merges.txt")
    for name, content in {"tokenizer_config": settings or {}, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("where", ["decoder", "added", "model type", "class of the model"])
def test_the_class_beside_gpt2_s_two_files_decides(tmp_path, where):
    config = {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|endoftext|>", "bos_token": None}
    config["additional_special_tokens"] = ["<|im_start|>"]
    files = {"added_tokens": ADDED}
    if where == "decoder":
        files = {}
        config["added_tokens_decoder"] = {
            str(id): {"content": text, "special": text != "<think>"} for text, id in ADDED.items()
        }
    if where == "model type":
        del config["tokenizer_class"]
        files["config"] = {"model_type": "qwen3"}
    if where == "class of the model":
        files["config"] = {"model_type": "gpt2", "tokenizer_class": config.pop("tokenizer_class")}
    tokenizer = load_tokenizer(two_files(tmp_path / "a", config, **files))
    assert (tokenizer.pattern, tokenizer.normalization) == ("qwen2", "NFC")
    assert tokenizer.special_tokens == ADDED and tokenizer.visible_tokens == {"<think>"}
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id) == (None, 290)
    assert tokenizer.encode("12") == [49, 50]
    again = load_tokenizer(save_tokenizer(tokenizer, tmp_path / "b"))
    assert again.special_tokens == ADDED and again.pattern == "qwen2"


def test_gpt2_s_two_files_may_begin_a_text(tmp_path):
    config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|endoftext|>", "add_bos_token": True}
    tokenizer = load_tokenizer(two_files(tmp_path / "a", config, added_tokens=ADDED))
    assert tokenizer.pattern == "gpt2" and tokenizer.build_inputs_with_special_tokens([5]) == [290, 5]


@pytest.mark.parametrize(
    ("config", "files", "message"),
    [
        ({"tokenizer_class": "RobertaTokenizer"}, {}, r"tokenizer_config\.json: tokenizer_class: must be one of GPT2"),
        ({"add_prefix_space": True}, {}, r"add_prefix_space: must be false \(otherwise a space would be put before"),
        ({"tokenizer_class": "PreTrainedTokenizerFast"}, {}, 'was "PreTrainedTokenizerFast"'),
        ({"add_prefix_space": "no"}, {}, "add_prefix_space: must be true, false or null"),
        ({}, {"config": {"model_type": "roberta"}}, 'tokenizer_class: must be one of GPT2.*, was "roberta"'),
        ({"eos_token": "</s>"}, {}, "eos_token in the files beside it: must be a token of this vocabulary"),
        ({"add_bos_token": 1}, {}, "add_bos_token: must be true or false, was 1"),
        ({"eos_token": 5}, {}, "eos_token: must be a token, was 5"),
        ({"added_tokens_decoder": []}, {"added_tokens": {"<x>": 5}}, "the id of '<x>' in the files beside it: must"),
        ({"added_tokens_decoder": {"290": {"content": "<x>"}}}, {"added_tokens": {"<x>": 291}}, "must be 290, as in"),
        ({"added_tokens_decoder": {"a": {"content": "<x>"}}}, {}, "must be a token by its id"),
        ({"bos_token": "a", "add_bos_token": True}, {}, "bos_token: must be a special token, to be added"),
    ],
)
def test_files_that_contradict_each_other_are_named(tmp_path, config, files, message):
    with pytest.raises(TokenizerError, match=message):
        load_tokenizer(two_files(tmp_path / "a", config, **files))


def test_a_space_before_every_text_is_refused_beside_tokenizer_json_too(tmp_path):
    save_tokenizer(ByteTokenizer(), tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": True}))
    with pytest.raises(TokenizerError, match=r"tokenizer_config\.json: add_prefix_space: must be false"):
        load_tokenizer(tmp_path)


ENTRIES = {"tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2}


@pytest.mark.parametrize(
    ("entries", "around"),
    [
        (byte_level_entries(), ([], [])),
        (byte_level_entries() | ENTRIES, ([], [])),
        (byte_level_entries() | ENTRIES | {"tokenizer.ggml.add_bos_token": True}, ([1], [])),
        (byte_level_entries() | ENTRIES | {"tokenizer.ggml.add_eos_token": True}, ([], [2])),
        (sentencepiece(), ([1], [])),  # llama.cpp does so where the file does not say it
        (sentencepiece() | {"tokenizer.ggml.add_bos_token": False}, ([], [])),
    ],
)
def test_a_gguf_file_says_it_too(tmp_path, entries, around):
    (tmp_path / "a.gguf").write_bytes(gguf(entries))
    tokenizer = load_tokenizer(tmp_path / "a.gguf")
    before, after = around
    assert tokenizer.build_inputs_with_special_tokens([9]) == [*before, 9, *after]
    written = vocabulary_entries(tokenizer, tokenizer.vocab_size, GgufVocabulary(eos_token_id=2))
    assert written["tokenizer.ggml.add_bos_token"] == bool(before)
    assert written["tokenizer.ggml.add_eos_token"] == bool(after)


@pytest.mark.parametrize(
    ("pre", "pattern", "begins"), [("llama-bpe", "llama3", True), ("dbrx", "llama3", False), ("llama3", "llama3", True)]
)
def test_patterns_with_several_names(tmp_path, pre, pattern, begins):
    entries = byte_level_entries(pre) | ENTRIES
    del entries["tokenizer.ggml.add_bos_token"]
    (tmp_path / "a.gguf").write_bytes(gguf(entries))
    tokenizer = load_tokenizer(tmp_path / "a.gguf")
    assert (tokenizer.pattern, tokenizer.add_bos_token, tokenizer.ignore_merges) == (pattern, begins, begins)


def test_what_a_gguf_file_must_say(tmp_path):
    for change, text in (
        ({"tokenizer.ggml.add_bos_token": True}, "add_bos_token: must be False where there is no bos_token_id"),
        ({"tokenizer.ggml.add_bos_token": 1}, "add_bos_token: must be true or false, was 1"),
        ({"tokenizer.ggml.bos_token_id": -1}, "bos_token_id: must be a whole number"),
        ({"tokenizer.ggml.bos_token_id": 9999}, "bos_token_id: must be a whole number from 0 to 292, was 9999"),
    ):
        (tmp_path / "a.gguf").write_bytes(gguf(byte_level_entries() | change))
        with pytest.raises(TokenizerError, match=text):
            load_tokenizer(tmp_path / "a.gguf")


USER_DEFINED = [("<table>", 0.0, 4), ("▁▁▁▁▁", 0.0, 4), ("\n\n", 0.0, 4)]


def test_user_defined_pieces_are_found_first(tmp_path):
    plain = message((1, "identity"), (3, 0), (4, 0), (5, 1))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "tokenizer.model").write_bytes(model([*PIECES, *USER_DEFINED], normalizer=plain))
    (tmp_path / "a" / "tokenizer_config.json").write_text(json.dumps({"add_bos_token": True, "bos_token": "<s>"}))
    tokenizer = load_tokenizer(tmp_path / "a")
    id_of = {text: id for id, (text, _, _) in enumerate([*PIECES, *USER_DEFINED])}
    ids = tokenizer.encode("cat<table>     at\n\n the")
    assert ids == [id_of[text] for text in ("cat", "<table>", "▁▁▁▁▁", "at", "\n\n", "▁the")]
    assert tokenizer.decode(ids) == "cat<table>     at\n\n the"
    assert tokenizer.build_inputs_with_special_tokens(ids) == [1, *ids]
    assert save_tokenizer(tokenizer, tmp_path / "b").name == "tokenizer.model"
    entries = vocabulary_entries(tokenizer, tokenizer.vocab_size + 3, GgufVocabulary())
    (tmp_path / "c.gguf").write_bytes(gguf(entries))
    for place in (tmp_path / "b", tmp_path / "c.gguf"):
        again = load_tokenizer(place)
        assert again.encode("cat<table>     at\n\n the") == ids
        assert (again.bos_token_id, again.eos_token_id, again.add_bos_token) == (1, 2, True)


METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
SAMPLES = ["the cat", "", " the", "cat  the at\n", "猫é the<s>"]


def test_a_sentencepiece_model_may_be_a_tokenizer_json(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    expected = load_tokenizer(tmp_path / "tokenizer.model")
    (tmp_path / "tokenizer.json").write_text(json.dumps(llama_json()))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.merges is not None and expected.merges is None
    for text in SAMPLES:
        assert tokenizer.encode(text) == expected.encode(text) and tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode("<s>the", allowed_special="all") == expected.encode("<s>the", allowed_special="all")
    again = load_tokenizer(save_tokenizer(tokenizer, tmp_path / "b"))
    assert [again.encode(text) for text in SAMPLES] == [expected.encode(text) for text in SAMPLES]
    (tmp_path / "tokenizer.json").write_text(json.dumps(llama_json(normalizer=None, pre_tokenizer=METASPACE)))
    metaspace = load_tokenizer(tmp_path)
    assert metaspace.encode("the cat") == expected.encode("the cat")
    assert metaspace.encode(" the") == metaspace.encode("the")  # no second space, as the library `tokenizers` has it
    again = load_tokenizer(save_tokenizer(metaspace, tmp_path / "c"))
    assert [again.encode(text) for text in SAMPLES] == [metaspace.encode(text) for text in SAMPLES]


def test_the_model_beside_a_file_that_is_not_read_is(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"add_bos_token": True, "bos_token": "<s>"}))
    post = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, A], "special_tokens": {}}
    post["special_tokens"]["<s>"] = {"ids": [1]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(llama_json(decoder=None, post_processor=post)))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.encode("the") == load_tokenizer(tmp_path / "tokenizer.model").encode("the")
    assert tokenizer.build_inputs_with_special_tokens([5]) == [1, 5]
    with pytest.raises(TokenizerError, match="decoder: must be one that undoes"):
        load_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize(
    "other",
    [
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}},  # no space before a text
        {"pre_tokenizer": {"type": "Digits", "individual_digits": True}},
        {"post_processor": {"type": "BertProcessing", "cls": ["<s>", 1], "sep": ["</s>", 2]}},
        {"added_tokens": [tool(normalized=False, name="at") | {"id": 260, "rstrip": True}]},
        {"added_tokens": [tool(normalized=False)]},
        {"model": llama_json()["model"] | {"vocab": llama_json()["model"]["vocab"] | {"猫é": 278}}},
        {"model": {"type": "Unigram", "vocab": [["<unk>", 0.0]]}},
        "",
        '{"cut',
    ],
)
def test_the_model_beside_is_not_read_where_the_two_say_different_things(tmp_path, other):
    (tmp_path / "tokenizer.model").write_bytes(model())
    text = other if isinstance(other, str) else json.dumps(llama_json(**{"decoder": None, **other}))
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: "):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decoder": {"type": "ByteLevel"}}, "decoder: must be one that undoes what is done to a text before"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre_tokenizer: must be null or Metaspace"),
        ({"pre_tokenizer": METASPACE | {"split": True}, "normalizer": None}, "must be a Metaspace with ▁ that"),
        ({"added_tokens": [tool(normalized=True)]}, r"added_tokens\[0\].normalized: must be false"),
    ],
)
def test_what_such_a_file_must_be(tmp_path, changes, message):
    (tmp_path / "tokenizer.json").write_text(json.dumps(llama_json(**changes)))
    with pytest.raises(TokenizerError, match=message):
        load_tokenizer(tmp_path)


def test_tokens_added_beside_a_model_are_read(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    size = len(PIECES)
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<pad>": size, "<tool>": size + 1}))
    (tmp_path / "special_tokens_map.json").write_text(json.dumps({"pad_token": "<pad>"}))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.special_tokens["<pad>"] == size and tokenizer.user_defined == {"<tool>": size + 1}
    (tmp_path / "added_tokens.json").write_text(json.dumps({"<pad>": 5}))
    with pytest.raises(TokenizerError, match="'<pad>': has the id 5 in the files beside it, which"):
        load_tokenizer(tmp_path)


def test_unused_pieces_leave_their_ids_free(tmp_path):
    pieces = [*PIECES, ("[PAD278]", 0.0, 5), ("\n", -99.0, 1)]
    (tmp_path / "tokenizer.model").write_bytes(model(pieces))
    tokenizer = load_tokenizer(tmp_path)
    again = load_tokenizer(save_tokenizer(tokenizer, tmp_path / "b"))
    assert again.encode("the\n") == tokenizer.encode("the\n") and tokenizer.encode("the\n")[-1] == len(PIECES) + 1
    (tmp_path / "tokenizer.model").write_bytes(model([*PIECES, ("catcat", 0.0, 5)]))
    with pytest.raises(TokenizerError, match="type: must be normal where other pieces make it"):
        load_tokenizer(tmp_path)


def test_the_space_before_a_text_may_be_switched_off_beside_a_model(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(model())
    spaced = load_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"add_prefix_space": False}))
    assert load_tokenizer(tmp_path).encode(" the") == spaced.encode("the")


def test_ids_around_a_text_are_ids_of_the_vocabulary():
    tokenizer = ByteTokenizer(["<x>"]).with_text_ids(bos_token_id=256, add_bos_token=True)
    assert tokenizer.build_inputs_with_special_tokens(tokenizer.encode("a")) == [256, 97]
    assert ByteTokenizer(["<x>"]).bos_token_id is None
    with pytest.raises(TokenizerError, match="eos_token_id: must be a whole number from 0 to 256, was 257"):
        tokenizer.with_text_ids(eos_token_id=257)
    with pytest.raises(TokenizerError, match="add_eos_token: must be False where there is no eos_token_id"):
        tokenizer.with_text_ids(add_eos_token=True)


@pytest.mark.parametrize("role", ["bos", "eos"])
def test_an_ordinary_token_is_not_saved_as_one_around_every_text(tmp_path, role):
    tokenizer = ByteTokenizer(["<x>"]).with_text_ids(**{f"{role}_token_id": 65})
    assert load_tokenizer(save_tokenizer(tokenizer, tmp_path / "a")).bos_token_id is None
    tokenizer = tokenizer.with_text_ids(**{f"{role}_token_id": 65, f"add_{role}_token": True})
    with pytest.raises(TokenizerError, match=f"{role}_token_id: must be the id of a special token if it is added"):
        save_tokenizer(tokenizer, tmp_path / "b")
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("name", ["tokenizer.model", "tokenizer.json"])
def test_a_user_defined_token_may_end_a_text(tmp_path, name):
    if name == "tokenizer.model":
        (tmp_path / name).write_bytes(model([*PIECES, *USER_DEFINED]))
    else:
        vocabulary = {text: id for id, (text, _, _) in enumerate([*PIECES, *USER_DEFINED])}
        document = llama_json()
        document["model"]["vocab"] = vocabulary
        document["added_tokens"].append(tool(normalized=False, name="<table>") | {"id": len(PIECES)})
        (tmp_path / name).write_text(json.dumps(document))
    tokenizer = load_tokenizer(tmp_path / name).with_text_ids(eos_token_id=len(PIECES), add_eos_token=True)
    again = load_tokenizer(save_tokenizer(tokenizer, tmp_path / "b").parent)
    assert again.build_inputs_with_special_tokens([5]) == [5, len(PIECES)]
    assert again.user_defined == tokenizer.user_defined
