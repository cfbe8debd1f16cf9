from __future__ import annotations

from dataclasses import replace

import pytest
from planted import FAULTS
from safetensors.torch import load_file, save_file
from small_models import family

from llm_layers import Decoder, save_gguf, save_model
from llm_layers.commands.main import main
from llm_tokenizer import ByteTokenizer, CharacterTokenizer, save_tokenizer, train_bpe


@pytest.fixture
def folder(tmp_path):
    save_model(family("qwen3"), tmp_path / "model")
    return str(tmp_path / "model")


IDS = ["--ids", "3,11,7,28,0,11"]


def test_attention_writes_pages_pictures_and_a_table(folder, tmp_path, capsys):
    assert main(["attention", folder, *IDS]) == 0
    table, explanation = capsys.readouterr().out.split("\n\n")
    assert len(table.splitlines()) == 2 + 3 * 4
    assert "on the position itself" in explanation
    assert "The three overlap" in explanation
    for name, start in (("maps.html", "<!doctype html>"), ("maps.svg", "<svg ")):
        assert main(["attention", folder, *IDS, "--out", str(tmp_path / name)]) == 0
        assert start in (tmp_path / name).read_text(encoding="utf-8")
    assert main(["attention", folder, *IDS, "--layer", "9"]) == 2
    assert main(["attention", folder, *IDS, "--out", "maps.gif"]) == 2
    shown = capsys.readouterr().err
    assert "--layer must be between 0 and 2, the last, but was 9" in shown
    assert "must end in .html, .svg or .png" in shown


def test_attention_as_png(folder, tmp_path):
    file = tmp_path / "maps.png"
    assert main(["attention", folder, *IDS, "--layer", "1", "--out", str(file)]) == 0
    assert file.read_bytes().startswith(b"\x89PNG")


def test_lens_and_statistics(folder, tmp_path, capsys):
    assert main(["lens", folder, *IDS]) == 0
    shown = capsys.readouterr().out
    assert "block 2" in shown
    assert "rank 1: no token is likelier" in shown
    assert main(["lens", folder, *IDS, "--position", "2", "--top", "2"]) == 0
    shown = capsys.readouterr().out
    assert 'position 2, "7", followed in the text by "28"' in shown
    assert "equally likely ones the lower id first" in shown
    assert "its likeliest next tokens with their probabilities" in shown
    assert main(["lens", folder, *IDS, "--out", str(tmp_path / "lens.html")]) == 0
    assert main(["lens", folder, *IDS, "--position", "6"]) == 2
    assert main(["statistics", folder, *IDS, "--all", "--out", str(tmp_path / "sizes.svg")]) == 0
    shown = capsys.readouterr().out
    assert "blocks.2.attention.pattern" in shown
    assert "no issues found" in shown
    assert "rms: root of the mean square" in shown
    assert "Zeros among gradients are usual" in shown
    assert "<svg " in (tmp_path / "sizes.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["attention", "model", *IDS, "--layer", "3"], "--layer must be between 0 and 2"),
        (["attention", "model", *IDS, "--head", "4"], "--head must be between 0 and 3"),
        (["attention", "model", *IDS, "--out", "maps.gif"], "must end in .html, .svg or .png"),
        (["attention", "model", *IDS, "--out", "page.html"], "it is a folder"),
        (["attention", "model", *IDS, "--out", "model/config.json/maps.svg"], "is no folder"),
        (
            ["attention", "model", *IDS, "--out", "no/maps.html"],
            "cannot be written: there is no folder 'no'; create it",
        ),
        (["attention", "model", "--text", "a"], "a text needs the model's tokenizer"),
        (["lens", "model", *IDS, "--top", "0"], "--top must be between 1 and 29, the size of the vocabulary"),
        (["lens", "model", *IDS, "--top", "30"], "--top must be between 1 and 29, the size of the vocabulary"),
        (["lens", "model", *IDS, "--top", "3"], "--top needs --position or --out"),
        (["lens", "model", *IDS, "--position", "1", "--out", "lens.html"], "--position is for the table"),
        (["lens", "", *IDS], "but there is no ''"),
        (["lens", "model", *IDS, "--position", "6"], "--position must be at most 5"),
        (["lens", "model", *IDS, "--out", "lens.svg"], "must end in .html"),
        (["lens", "model", "--ids", "29"], "ids must lie between 0 and 28"),
        (["statistics", "model", "--ids", "3"], "at least 2 tokens"),
        (["statistics", "model", *IDS, "--out", "sizes.gif"], "must end in .svg or .png"),
        (["compare", "model", "other", *IDS], "must be of one shape, but d_model"),
        (["compare", "model", "transformers:other", *IDS], "must be of one shape, but d_model"),
        (["compare", "model", "model", "--ids", "3"], "at least 2 tokens"),
        (["convert", "model", "model/config.json/new.gguf"], "is no folder"),
        (["convert", "model", "no/new.gguf"], "cannot be written: there is no folder 'no'; create it"),
        (
            ["quantize", "model", "--file", "text.txt", "--group", "4", "--out", "old.gguf"],
            "add --replace to overwrite",
        ),
        (["quantize", "endless", "--file", "To be"], "To be: cannot be read: No such file or directory"),
        (["convert", "olmo2", "new.gguf"], "in a GGUF file of the family olmo2"),
        (["quantize", "model", "--file", "text.txt", "--group", "7"], "--group must divide"),
        (["quantize", "model", "--file", "text.txt", "--group", "4", "--out", "a.bin"], "--out must end in .gguf"),
        (["quantize", "model", "--file", "text.txt", "--group", "4"], "must hold a tokenizer"),
        (["quantize", "endless", "--file", "text.txt", "--out", "a.gguf"], "generation_config.json is the place"),
        (["quantize", "endless", "--file", "page.html"], "page.html: must be a file, is a folder"),
        (["quantize", "endless", "--file", "bytes.txt"], "(invalid start byte); convert it to UTF-8\n"),
        (["convert", "endless", "new.gguf"], "generation_config.json is the place"),
        (["predict", "model", "--positions", "33"], "positions between 1 and 32"),
    ],
)
def test_mistakes_are_found_before_any_weight_is_read(folder, tmp_path, arguments, words, capsys, monkeypatch):
    save_model(Decoder(replace(family("qwen3").config, d_model=32)), tmp_path / "other")
    save_model(family("olmo2"), tmp_path / "olmo2")
    (tmp_path / "text.txt").write_text("a text")
    (tmp_path / "old.gguf").write_text("something dear")
    (tmp_path / "bytes.txt").write_bytes(b"a\xff")
    save_model(Decoder(replace(family("qwen3").config, d_model=32, vocab_size=256)), tmp_path / "endless")
    save_tokenizer(ByteTokenizer(), tmp_path / "endless")
    for weights in tmp_path.rglob("model.safetensors"):
        weights.unlink()  # reading them would be another mistake
    (tmp_path / "page.html").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_a_text_is_cut_by_the_models_own_tokenizer(tmp_path, capsys):
    from small_models import SHAPE

    from llm_layers import Decoder, ModelConfig

    model = Decoder(ModelConfig(**(SHAPE | {"vocab_size": 256})))
    save_model(model, tmp_path)
    assert main(["lens", str(tmp_path), "--text", "To be"]) == 2
    assert "or give the ids themselves" in capsys.readouterr().err
    save_tokenizer(ByteTokenizer(), tmp_path)
    assert main(["attention", str(tmp_path), "--text", "To be"]) == 0
    assert "5 tokens: T | o | · | b | e" in capsys.readouterr().out
    assert main(["attention", str(tmp_path), "--text", "x" * 33]) == 2
    assert "context of 32 positions, but has 33 tokens" in capsys.readouterr().err


def test_the_begin_token_that_a_tokenizer_puts_before_a_text_is_fed(tmp_path, capsys):
    from small_models import SHAPE

    from llm_layers import Decoder, ModelConfig

    save_model(Decoder(ModelConfig(**(SHAPE | {"vocab_size": 257}))), tmp_path)
    tokenizer = train_bpe(["no merges"], vocab_size=257, special_tokens=["<s>"])
    around = {"bos_token_id": 256, "eos_token_id": 256, "add_bos_token": True, "add_eos_token": True}
    save_tokenizer(tokenizer.with_text_ids(**around), tmp_path)
    assert main(["attention", str(tmp_path), "--text", "To"]) == 0
    assert "3 tokens: <s> | T | o\n" in capsys.readouterr().out
    assert main(["attention", str(tmp_path), "--ids", "84,111"]) == 0
    assert "2 tokens: T | o\n" in capsys.readouterr().out
    assert main(["attention", str(tmp_path), "--text", ""]) == 2
    assert main(["compare", str(tmp_path), str(tmp_path), "--text", "T"]) == 0
    assert main(["quantize", str(tmp_path), "--text", "T", "--group", "1"]) == 0
    assert "on 2 tokens" in capsys.readouterr().err


def test_a_token_that_a_tokenizer_does_not_know_is_named_by_its_number_or_refused(tmp_path, capsys):
    save_model(family("qwen3"), tmp_path)
    save_tokenizer(CharacterTokenizer.train(["cat"]), tmp_path)
    assert main(["attention", str(tmp_path), "--ids", "0,28"]) == 0
    assert "2 tokens: a | 28\n" in capsys.readouterr().out
    assert main(["lens", str(tmp_path), "--text", "cat", "--position", "0", "--top", "29"]) == 0
    capsys.readouterr()
    assert main(["lens", str(tmp_path), "--text", "dog"]) == 2
    assert "llm-layers: error: text: character 0 is 'd'" in capsys.readouterr().err


def test_compare_tells_by_its_status(folder, tmp_path, capsys):
    assert main(["compare", folder, folder]) == 0
    shown = capsys.readouterr().out
    assert "no difference" in shown
    drawn = next(line for line in shown.splitlines() if line.startswith("no text was given")).split()[-2:]
    assert drawn[0] == "--ids" and len(drawn[1].split(",")) == 24
    assert main(["compare", folder, folder, *drawn]) == 0
    repeated = capsys.readouterr().out
    assert "no text was given" not in repeated
    assert repeated.splitlines()[-1] == shown.splitlines()[-1]
    fault = FAULTS["file: rotary pairs"]
    weights = load_file(f"{folder}/model.safetensors")
    name = "model.layers.1.self_attn.k_proj.weight"
    weights[name] = weights[name].reshape(-1, 2, 4, 24).transpose(1, 2).reshape(16, 24).contiguous()
    save_model(family("qwen3"), tmp_path / "wrong")
    save_file(weights, tmp_path / "wrong" / "model.safetensors")
    assert main(["compare", folder, str(tmp_path / "wrong"), "--all"]) == 1
    shown = capsys.readouterr().out
    assert f"first tensor that differs: {fault.first} (value)" in shown
    assert f"likely cause: {fault.cause}" in shown
    assert "weights that differ: 1 of 36: blocks.1.attention.key.weight" in shown
    assert main(["compare", folder, str(tmp_path / "wrong"), "--forward-only", "--tolerance", "10"]) == 0
    assert main(["compare", folder, str(tmp_path / "nowhere")]) == 2
    assert main(["compare", folder, folder, "--ids", "1,99"]) == 2
    assert "ids must lie between 0 and 28" in capsys.readouterr().err


def test_compare_without_a_text_draws_what_fits_into_the_shortest_context(tmp_path, capsys):
    from small_models import SHAPE

    from llm_layers import Decoder, ModelConfig

    save_model(Decoder(ModelConfig(**(SHAPE | {"context_length": 1}))), tmp_path)
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 2
    assert "the text must have at least 2 tokens" in capsys.readouterr().err
    assert main(["compare", str(tmp_path), str(tmp_path), "--forward-only"]) == 0


def test_compare_reads_gguf(folder, tmp_path, capsys):
    save_gguf(family("qwen3"), tmp_path / "model.gguf")
    assert main(["compare", folder, str(tmp_path / "model.gguf")]) == 0
    assert "no difference" in capsys.readouterr().out


def test_compare_says_how_many_bits_a_quantized_file_has(tmp_path, capsys):
    from small_models import SHAPE

    from llm_layers import Decoder, ModelConfig
    from llm_layers.layers.initialization import initialize_truncated

    model = Decoder(ModelConfig(**(SHAPE | {"d_model": 32, "d_ff": 64})))
    initialize_truncated(model)
    save_model(model, tmp_path / "model")
    save_gguf(model, tmp_path / "model.gguf", dtype="Q8_0")
    assert main(["compare", str(tmp_path / "model"), str(tmp_path / "model.gguf")]) == 1
    assert "likely cause: rounded to 8 bits" in capsys.readouterr().out
