import errno
import io
import json

import pytest
import torch

from llm_layers import Decoder, load_model, save_gguf, save_model
from llm_layers.commands.main import main
from llm_layers.formats.loading import text_ends
from llm_tokenizer import CharacterTokenizer, load_tokenizer, save_tokenizer, train_bpe
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.files.gguf_writing import GgufVocabulary

TEXT = "the wolf sat by the wool and said so " * 10


@pytest.fixture
def folder(tmp_path, small_config):
    tokenizer = train_bpe([TEXT], vocab_size=270, special_tokens=["<|endoftext|>"])
    shape = {"d_model": 32, "heads": 4, "d_head": 8, "d_ff": 320}
    model = Decoder(small_config(vocab_size=tokenizer.vocab_size, tied_embeddings=True, **shape))
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(1.0 if weight.dim() == 1 else 0.0, 0.3, generator=torch.Generator().manual_seed(len(weight)))
    save_model(model, tmp_path / "model", eos_token_id=7)
    save_tokenizer(tokenizer, tmp_path / "model")
    return tmp_path / "model"


def logits(path):
    with torch.inference_mode():
        return load_model(path)(torch.arange(20)[None])


def test_a_folder_becomes_a_gguf_file_and_a_folder_again(folder, tmp_path, capsys):
    assert main(["convert", str(folder), str(tmp_path / "there.gguf")]) == 0
    assert main(["convert", str(tmp_path / "there.gguf"), str(tmp_path / "back")]) == 0
    assert torch.equal(logits(folder), logits(tmp_path / "there.gguf"))
    assert torch.equal(logits(folder), logits(tmp_path / "back"))
    assert json.loads((tmp_path / "back" / "generation_config.json").read_text())["eos_token_id"] == 7
    assert "with its tokenizer" in capsys.readouterr().out
    assert load_tokenizer(tmp_path / "back").encode(TEXT) == load_tokenizer(folder).encode(TEXT)


@pytest.mark.parametrize("role", ["bos", "eos"])
def test_a_gguf_file_puts_the_ids_around_a_text_that_its_tokenizer_puts_there(role, folder, tmp_path):
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"bos_token_id": 1}))
    own = load_tokenizer(folder)
    around = {f"{role}_token_id": own.special_tokens["<|endoftext|>"], f"add_{role}_token": True}
    save_tokenizer(own.with_text_ids(**around), folder)
    assert main(["convert", str(folder), str(tmp_path / "there.gguf")]) == 0
    tokenizers = [load_tokenizer(path) for path in (folder, tmp_path / "there.gguf")]
    ids, there = (one.build_inputs_with_special_tokens(one.encode(TEXT)) for one in tokenizers)
    assert ids == there != own.encode(TEXT)
    assert text_ends(tmp_path / "there.gguf")["eos_token_id"] == (7 if role == "bos" else [269, 7])


def test_every_id_at_which_a_text_ends_goes_there_and_back(folder, tmp_path):
    (folder / "generation_config.json").write_text('{"eos_token_id": [7, 9, 5]}')
    assert main(["convert", str(folder), str(tmp_path / "there.gguf")]) == 0
    assert main(["convert", str(tmp_path / "there.gguf"), str(tmp_path / "back")]) == 0
    assert json.loads((tmp_path / "back" / "generation_config.json").read_text())["eos_token_id"] == [7, 9, 5]
    save_gguf(load_model(folder), tmp_path / "twice.gguf", tokenizer=load_tokenizer(folder),
              vocabulary=GgufVocabulary(eos_token_id=[7, 7]))  # fmt: skip
    assert text_ends(tmp_path / "twice.gguf")["eos_token_id"] == 7


def test_a_value_beyond_the_dtype_is_refused_for_a_folder_as_for_a_gguf_file(folder, tmp_path, capsys):
    model = load_model(folder)
    with torch.no_grad():
        model.final_norm.gain[0] = 1e6
        model.embedding.table[0, 0] = -1e6
    save_model(model, folder, eos_token_id=7)
    for name in ("half", "half.gguf"):
        assert main(["convert", str(folder), str(tmp_path / name), "--dtype", "float16"]) == 2
        assert "must hold values of at most 65504 for F16, but holds 1e+06" in capsys.readouterr().err
        assert not (tmp_path / name).exists()
    assert main(["convert", str(folder), str(tmp_path / "half"), "--dtype", "bfloat16"]) == 0


def test_a_tokenizer_that_gguf_cannot_hold_is_refused_with_a_way_out(folder, tmp_path, capsys):
    save_tokenizer(CharacterTokenizer.train([TEXT]), folder)
    for arguments in (["convert"], ["quantize", "--text", TEXT, "--out"]):
        verb, *more = arguments
        assert main([verb, str(folder), *more, str(tmp_path / "new.gguf")]) == 2
        assert "which GGUF cannot hold; write a model folder instead" in capsys.readouterr().err
    assert main(["convert", str(folder), str(tmp_path / "new")]) == 0


def test_quantize_refuses_rows_that_a_file_cannot_hold_before_it_measures(folder, tmp_path, capsys, small_config):
    save_model(Decoder(small_config(vocab_size=270, d_model=48, d_head=8, d_ff=64)), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llm_layers.commands.quantize.read_model", None)
        words = ["--text", TEXT, "--group", "16"]
        assert main(["quantize", str(folder), *words, "--out", str(tmp_path / "q.gguf")]) == 2
    assert "--out needs rows of a multiple of 32, but the model has rows of 48: leave it out" in capsys.readouterr().err


def test_a_full_disk_is_told_with_the_name_of_the_target(folder, tmp_path, capsys, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("llm_tokenizer.files.writing.os.fsync", full)
    assert main(["convert", str(folder), str(tmp_path / "new")]) == 2
    words = "No space left on device; free some space there, or choose another place"
    assert f"cannot be saved: {tmp_path / 'new'}: cannot be written: {words}" in capsys.readouterr().err


def test_what_a_quantized_file_is_read_as_is_said(folder, tmp_path, capsys):
    file, back = tmp_path / "small.gguf", tmp_path / "back"
    assert main(["convert", str(folder), str(file), "--dtype", "q8_0"]) == 0
    assert "stored as" not in capsys.readouterr().out
    assert main(["describe", str(file)]) == 0
    assert "\nweights stored as Q8_0, read as float32\n" in capsys.readouterr().out
    assert main(["convert", str(file), str(back), "--dtype", "bfloat16"]) == 0
    assert capsys.readouterr().out.endswith("weights stored as Q8_0, read as float32, written as bfloat16\n")
    assert load_model(back).embedding.table.dtype == torch.bfloat16


def test_nothing_is_said_of_a_file_that_is_read_as_it_is(folder, tmp_path, capsys):
    assert main(["convert", str(folder), str(tmp_path / "whole.gguf")]) == 0
    assert main(["describe", str(tmp_path / "whole.gguf")]) == 0
    assert "stored as" not in capsys.readouterr().out


def test_types_of_numbers(folder, tmp_path):
    for number, dtype in enumerate(("BF16", "bfloat16", "BFloat16")):
        assert main(["convert", str(folder), str(tmp_path / f"half{number}"), "--dtype", dtype]) == 0
        assert load_model(tmp_path / f"half{number}").embedding.table.dtype == torch.bfloat16
    assert main(["convert", str(folder), str(tmp_path / "q.gguf"), "--dtype", "Q8_0"]) == 0
    assert load_model(tmp_path / "half0").embedding.table.dtype == torch.bfloat16
    assert json.loads((tmp_path / "half0" / "config.json").read_text())["dtype"] == "bfloat16"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["convert", "model", "model"], "exists: add --replace"),
        (["convert", "model", ".", "--replace"], "'.' is a folder with other files in it"),
        (["convert", "model", "long.txt"], "TARGET must be a new folder or end with .gguf, but was 'long.txt'"),
        (["convert", "model", "new", "--dtype", "q8_0"], "TARGET must end with .gguf"),
        (["convert", "model", "new.safetensors"], "TARGET must be a new folder or end with .gguf"),
        (["convert", "nowhere", "new"], "there is no 'nowhere'"),
        (["convert", "model/config.json", "new"], "config.json"),
        (["quantize", "model", "--file", "nowhere.txt"], "cannot be read"),
        (["quantize", "model", "--file", "empty.txt"], "must have at least 2 tokens"),
        (["quantize", "model", "--file", "long.txt", "--group", "5"], "--group must divide"),
        (["quantize", "model", "--text", "a wolf", "--group", "5"], "--group must divide"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(folder, arguments, words, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "empty.txt").write_text("")
    (folder.parent / "long.txt").write_text("a wolf in the wool " * 20)
    before = sorted(folder.parent.rglob("*"))
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("llm-layers: error: ")
    assert words in captured.err
    assert sorted(folder.parent.rglob("*")) == before


def test_quantize_warns_of_few_tokens(folder, tmp_path, capsys):
    (tmp_path / "text.txt").write_text(TEXT * 20)
    for tokens, lines in (("999", 1), ("1000", 0)):
        assert main(["quantize", str(folder), "--file", str(tmp_path / "text.txt"), "--tokens", tokens]) == 0
        assert capsys.readouterr().err.count("llm-layers: warning: perplexity means little on ") == lines


def test_quantize_measures_and_writes(folder, tmp_path, capsys, monkeypatch):
    reported = []
    monkeypatch.setattr(Progress, "__call__", lambda self, stage: reported.append(stage))
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    assert main(["quantize", str(folder), "--file", str(text), "--out", str(tmp_path / "q.gguf")]) == 0
    captured = capsys.readouterr()
    assert any(stage.startswith("measuring the weights as int4 on ") for stage in reported)
    assert reported[-1] == "writing q.gguf"
    size = (tmp_path / "q.gguf").stat().st_size / 2**20
    assert f"q.gguf: {size:.2f} MiB, written with 8 bits in groups of 32 (Q8_0), embedding and head too" in captured.out
    rows = {line.split()[0]: line.split() for line in captured.out.splitlines()}
    assert float(rows["int4"][1]) < float(rows["int8"][1]) < float(rows["float32"][1])
    assert rows["float32"][3] == "+0.00%"
    assert 0 < (logits(folder) - logits(tmp_path / "q.gguf")).abs().max() < 0.5


def test_quantize_reads_standard_input_and_replaces_a_file_only_when_told(folder, tmp_path, capsys, monkeypatch):
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "q.gguf").write_text("something dear")
    tables = []
    for source, more in ((str(tmp_path / "text.txt"), []), ("-", ["--out", str(tmp_path / "q.gguf"), "--replace"])):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
        assert main(["quantize", str(folder), "--file", source, *more]) == 0
        tables.append([line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:4]])
    assert tables[0] == tables[1]
    assert (tmp_path / "q.gguf").read_bytes().startswith(b"GGUF")
