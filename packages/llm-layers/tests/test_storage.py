import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from llm_layers import LayersError, load_config, load_model, save_model


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_saved_and_loaded_is_bit_equal(tmp_path, tokens, tied, dtype, small_config, random_model):
    model = random_model(small_config(tied_embeddings=tied)).to(dtype)
    save_model(model, tmp_path / "new" / "model", eos_token_id=3)
    loaded = load_model(tmp_path / "new" / "model")
    assert loaded.config == model.config == load_config(tmp_path / "new" / "model")
    assert torch.equal(loaded(tokens), model(tokens))
    assert all(weight.requires_grad and not weight.is_meta for weight in loaded.parameters())


def test_the_folder_is_the_public_layout(tmp_path, model):
    save_model(model, tmp_path, bos_token_id=1, eos_token_id=[2, 3])
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "config.json", "generation_config.json", "model.safetensors",
    ]  # fmt: skip
    assert len({file.stat().st_mode for file in tmp_path.iterdir()}) == 1  # whoever may read one may read all
    with safe_open(tmp_path / "model.safetensors", framework="pt") as weights:
        assert weights.metadata() == {"format": "pt"}
        assert "model.layers.1.self_attn.q_norm.weight" in weights.keys()  # noqa: SIM118
    assert json.loads((tmp_path / "generation_config.json").read_text()) == {"bos_token_id": 1, "eos_token_id": [2, 3]}
    assert json.loads((tmp_path / "config.json").read_text())["eos_token_id"] == [2, 3]


def test_loading_can_change_the_type(tmp_path, model):
    save_model(model, tmp_path)
    assert load_model(tmp_path, dtype=torch.bfloat16).embedding.table.dtype == torch.bfloat16


def test_several_files_with_an_index(tmp_path, model, tokens):
    save_model(model, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    names = sorted(weights)
    parts = {"model-1.safetensors": names[:7], "model-2.safetensors": names[7:]}
    for file, held in parts.items():
        save_file({name: weights[name] for name in held}, tmp_path / file)
    (tmp_path / "model.safetensors").unlink()
    index = {name: file for file, held in parts.items() for name in held}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert torch.equal(load_model(tmp_path)(tokens), model(tokens))
    index[names[0]] = "../model-1.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    with pytest.raises(LayersError, match="files of its own folder"):
        load_model(tmp_path)


def test_all_misfitting_weights_are_named_at_once(tmp_path, model):
    save_model(model, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.norm.weight"]
    weights["model.layers.9.extra"] = torch.zeros(1)
    weights["model.embed_tokens.weight"] = torch.zeros(22, 12)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(LayersError) as caught:
        load_model(tmp_path)
    message = str(caught.value)
    assert "missing: model.norm.weight" in message
    assert "unexpected: model.layers.9.extra" in message
    assert "misshapen: model.embed_tokens.weight must be [23, 12] but was [22, 12]" in message


def test_a_tied_table_may_be_repeated_as_the_head(tmp_path, tokens, small_config, random_model):
    model = random_model(small_config(tied_embeddings=True))
    save_model(model, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    save_file(weights, tmp_path / "model.safetensors")
    assert torch.equal(load_model(tmp_path)(tokens), model(tokens))


def test_missing_and_damaged_files_are_named(tmp_path, model):
    with pytest.raises(LayersError, match="but there is no"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(LayersError, match=r"has no config\.json: get the folder again"):
        load_model(tmp_path)
    save_model(model, tmp_path)
    (tmp_path / "config.json").write_text("[1, 2")
    with pytest.raises(LayersError, match="must be JSON"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text("[1, 2]")
    with pytest.raises(LayersError, match="must hold a JSON object"):
        load_model(tmp_path)
    save_model(model, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(LayersError, match=r"model.safetensors.*no such file"):
        load_model(tmp_path)


def test_whole_numbers_are_no_weights(tmp_path, model):
    save_model(model, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["model.norm.weight"] = torch.zeros(12, dtype=torch.int64)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(LayersError, match=r"model.norm.weight in .* must be one of float16, .* but was int64"):
        load_model(tmp_path)


def test_damaged_files_raise_nothing_but_our_error(tmp_path, model):
    save_model(model, tmp_path)
    draw = random.Random(0)
    originals = {name: (tmp_path / name).read_bytes() for name in ("config.json", "model.safetensors")}
    refused = 0
    for _ in range(300):
        name = draw.choice(list(originals))
        content = bytearray(originals[name])
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(min(len(content), 1500))] = draw.randrange(256)
        if draw.random() < 0.3:
            del content[draw.randrange(len(content)) :]
        (tmp_path / name).write_bytes(content)
        try:
            load_model(tmp_path)
        except LayersError:
            refused += 1
        (tmp_path / name).write_bytes(originals[name])
    assert refused > 200


FULL_DISK = """
import resource, sys
from conftest import make_config, make_model
from llm_layers import LayersError, save_gguf, save_model
model = make_model(make_config())
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for save, name in ((save_model, "new/model"), (save_model, "old"), (save_gguf, "model.gguf")):
    try:
        save(model, name)
    except LayersError as error:
        print(error)
"""


def test_a_full_disk_is_told_in_a_sentence_and_nothing_is_left_behind(tmp_path):
    pytest.importorskip("resource")
    (tmp_path / "old").mkdir()
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    new, old, gguf = done.stdout.splitlines()
    full = "cannot be written: File too large; free some space there, or choose another place"
    assert new == f"the model cannot be saved: new/model: {full}"
    assert old == f"the model cannot be saved: old: {full}"
    assert gguf == f"model.gguf: {full}"
    assert [*tmp_path.rglob("*")] == [tmp_path / "old"]


def test_a_model_is_saved_in_a_folder_only(tmp_path, model):
    (tmp_path / "file").touch()
    with pytest.raises(LayersError, match=r"folder must be a directory or a new path, but '.*file' is a file"):
        save_model(model, tmp_path / "file")


def test_the_folder_that_is_meant_is_named(tmp_path, model):
    save_model(model, tmp_path / "run" / "model")
    meant = re.escape(f"'{tmp_path / 'run' / 'model'}'")
    for given in ("run/model/model.safetensors", "run/model/config.json"):
        for read in (load_config, load_model):
            with pytest.raises(LayersError, match=f"a model must be a folder.*: name the folder, {meant}$"):
                read(tmp_path / given)


def test_a_run_is_taken_for_the_model_in_it(tmp_path, model, tokens):
    save_model(model, tmp_path / "run" / "model")
    assert torch.equal(load_model(tmp_path / "run")(tokens), model(tokens))


def test_a_wrong_setting_is_told_with_its_file(tmp_path, model):
    save_model(model, tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"num_hidden_layers": 0}))
    with pytest.raises(LayersError, match=f"^'{re.escape(str(file))}': num_hidden_layers must be .* was 0"):
        load_model(tmp_path)


def test_a_failed_save_leaves_the_old_model_whole(tmp_path, model, tokens, monkeypatch, small_config, random_model):
    save_model(model, tmp_path)
    wanted = model(tokens)

    def full_disk(weights: object, file: object, metadata: object) -> None:
        file.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("llm_layers.formats.huggingface.storage.save_file", full_disk)
    with pytest.raises(LayersError, match="No space left on device; free some space"):
        save_model(random_model(small_config(layers=1)), tmp_path)
    assert torch.equal(load_model(tmp_path)(tokens), wanted)
    assert not list(tmp_path.glob(".*"))
