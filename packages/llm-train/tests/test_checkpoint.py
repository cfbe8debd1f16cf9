"""Checkpoints: what is saved comes back, any damage is noticed, and no moment is a bad one to die in."""

import json
from dataclasses import replace

import pytest
import torch
from damage import with_damage
from file_operations import file_operations
from safetensors.torch import load_file
from torch import nn

from llm_layers import Decoder, ModelConfig, load_model
from llm_layers.config import QWEN3
from llm_tokenizer import ByteTokenizer
from llm_train.checkpoints.folders import remove_leftovers, remove_old, steps_saved
from llm_train.checkpoints.loading import load_newest
from llm_train.checkpoints.manifest import FORMAT, with_hash
from llm_train.checkpoints.record import OWN, Checkpoint, Layout
from llm_train.checkpoints.room import file_system
from llm_train.checkpoints.saving import save_checkpoint
from llm_train.checkpoints.store import CheckpointStore
from llm_train.checkpoints.tensor_file import HashingFile, hash_file, write_tensors
from llm_train.interface import CheckpointError, NonFiniteError

PLAIN = Layout(OWN)
FILES = ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"]


def make(step):
    return Checkpoint(
        step, {"w": torch.full((3,), float(step))}, {"optimizer.mean.w": torch.tensor([step])}, {"n": step}
    )


def save(folder, step, keep=2):
    saved = save_checkpoint(folder, make(step), PLAIN)
    remove_old(folder, newest=step, keep=keep)
    return saved


def value(folder):
    found, _ = load_newest(folder, PLAIN)
    return None if found is None else (found.step, found.weights["w"][0].item())


def test_what_is_saved_comes_back_and_nothing_else_changes(tmp_path):
    save(tmp_path, 7)
    random_state = torch.get_rng_state()
    found, skipped = load_newest(tmp_path, PLAIN)
    assert torch.equal(torch.get_rng_state(), random_state)  # the caller's own
    assert (found.step, found.facts, skipped) == (7, {"n": 7}, [])
    assert {name: value.tolist() for name, value in found.state.items()} == {"optimizer.mean.w": [7]}


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8, torch.bool],
)
def test_the_stream_is_a_safetensors_file_and_keeps_dtypes(tmp_path, dtype):
    tensors = {
        "odd": torch.arange(7).to(dtype),
        "number": torch.tensor(1).to(dtype),
        "empty": torch.zeros(0, 3).to(dtype),
    }
    tensors |= {"turned": torch.arange(6).reshape(2, 3).T.to(dtype), "byte": torch.tensor([3], dtype=torch.uint8)}
    with (tmp_path / "t.safetensors").open("wb") as file:
        hashing = HashingFile(file)
        write_tensors(hashing, tensors)
    assert hashing.entry == hash_file(tmp_path / "t.safetensors")
    found = load_file(tmp_path / "t.safetensors")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_a_dtype_that_the_format_lacks_is_named(tmp_path):
    with (tmp_path / "t").open("wb") as file, pytest.raises(CheckpointError, match=r"w cannot be saved.*complex64"):
        write_tensors(HashingFile(file), {"w": torch.zeros(2, dtype=torch.complex64)})


def small_model(**changes):
    config = {"vocab_size": 257, "d_model": 16, "layers": 2, "heads": 2, "kv_heads": 1, "d_head": 8, "d_ff": 24}
    return Decoder(
        ModelConfig(**{**config, "context_length": 16, **changes}), generator=torch.Generator().manual_seed(3)
    )


@pytest.mark.parametrize("changes", [{}, {"tied_embeddings": True}])
def test_a_checkpoint_is_a_model_folder(tmp_path, changes):
    model, tokenizer = small_model(**changes), ByteTokenizer(["<|endoftext|>"])
    layout = Layout.of(model, tokenizer, bos=256, eos=256)
    folder = save_checkpoint(tmp_path, Checkpoint(5, model.state_dict(), {}, {}), layout)
    tokens = torch.arange(8)[None]
    with torch.no_grad():
        assert torch.equal(load_model(folder)(tokens), model(tokens))
    assert json.loads((folder / "config.json").read_text())["eos_token_id"] == 256
    assert "model.norm.weight" in load_file(folder / "model.safetensors")
    found, _ = load_newest(tmp_path, layout)
    assert found.weights.keys() == model.state_dict().keys()
    assert all(torch.equal(found.weights[name], weight) for name, weight in model.state_dict().items())


class Foreign(nn.Module):
    """Not a Decoder, with a buffer."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.register_buffer("seen", torch.tensor(4))


@pytest.mark.parametrize("kind", ["foreign", "a design that public tools do not have"])
def test_a_model_that_public_tools_cannot_express_is_saved_under_its_own_names(tmp_path, kind):
    model = (
        Foreign() if kind == "foreign" else small_model(design=replace(QWEN3, family=None, feed_forward="relu_squared"))
    )
    layout = Layout.of(model)
    assert (layout.names, layout.files) == (OWN, {})
    assert layout.reason
    store = CheckpointStore(tmp_path, model, {}, layout)
    folder = store.save(1, {})
    assert json.loads((folder / "manifest.json").read_text())["names"] == "own"
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    found, _ = store.newest()
    store.restore(found)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_state_of_every_part_is_kept_apart(tmp_path):
    class Number:
        def __init__(self, value, dtype=torch.float32):
            self.value = torch.tensor([value], dtype=dtype)

        def state(self):
            return {"value": self.value}

        def load_state(self, state):
            assert state.keys() == {"value"}
            self.value = state["value"]

    parts = {"optimizer": Number(1.0), "average": Number(2.0, torch.float64), "loss_scale": Number(3.0, torch.bfloat16)}
    store = CheckpointStore(tmp_path, Foreign(), parts, PLAIN)
    store.save(4, {})
    new = {name: Number(0.0) for name in reversed(parts)}
    other = CheckpointStore(tmp_path, Foreign(), new, PLAIN)
    other.restore(other.newest()[0])
    assert {name: (part.value.item(), part.value.dtype) for name, part in new.items()} == {
        name: (part.value.item(), part.value.dtype) for name, part in parts.items()
    }


def test_a_state_is_saved_once(tmp_path):
    store = CheckpointStore(tmp_path, Foreign(), {}, PLAIN)
    assert store.save(1, {}) is not None
    assert store.save(1, {}) is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["weights", "state"])
def test_no_number_that_is_none_is_saved(tmp_path, bad, where):
    save(tmp_path, 1)
    tensors = {"weights": {"w": torch.ones(3)}, "state": {"optimizer.mean.w": torch.ones(3)}}
    name, tensor = next(iter(tensors[where].items()))
    tensor[1] = bad
    with pytest.raises(NonFiniteError, match=rf"step 2: .*{name} is no longer finite, it was not saved"):
        save_checkpoint(tmp_path, Checkpoint(2, facts={}, **tensors), PLAIN)
    assert value(tmp_path) == (1, 1.0)


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        ({"keep": 2}, [5, 6]),
        ({"keep": 2, "every": 2}, [2, 4, 5, 6]),
        ({"keep": 2, "also": {1}}, [1, 5, 6]),
        ({"keep": 3, "every": 5, "also": {2, 0}}, [2, 4, 5, 6]),
        ({"keep": 9}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_old_ones_go_and_those_asked_for_stay(tmp_path, rules, kept):
    for step in range(1, 7):
        save(tmp_path, step, keep=9)
    remove_old(tmp_path, newest=6, **rules)
    assert steps_saved(tmp_path) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"step-{step:08d}" for step in kept]


def test_a_damaged_one_of_a_later_step_is_no_reason_to_delete_a_whole_one(tmp_path):
    for step in (3, 9):
        save(tmp_path, step)
    (tmp_path / "step-00000009" / "state.json").unlink()
    save(tmp_path, 4)
    assert steps_saved(tmp_path) == [3, 4, 9]
    assert value(tmp_path) == (4, 4.0)
    save(tmp_path, 9)  # reached again
    assert value(tmp_path) == (9, 9.0)


def test_there_is_no_pickle(tmp_path):
    folder = save(tmp_path, 1)
    assert {path.name for path in folder.iterdir()} == set(FILES)
    for path in folder.iterdir():  # JSON, or safetensors: eight bytes of length and then JSON
        assert path.read_bytes()[8 if path.suffix == ".safetensors" else 0 :].startswith(b"{")


def test_nothing_saved_is_no_checkpoint(tmp_path):
    assert load_newest(tmp_path / "none", PLAIN) == (None, [])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "a space more", "empty", "[]", "a folder"])
def test_a_damaged_one_is_skipped_and_named(tmp_path, name, damage):
    for step in (1, 2):
        save(tmp_path, step)
    path = tmp_path / "step-00000002" / name
    content = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "gone":
        flipped = content[:9] + bytes([content[9] ^ 4]) + content[10:]
        changed = {"flip": flipped, "cut": content[:-1], "a space more": content + b" ", "empty": b"", "[]": b"[]"}
        path.write_bytes(changed[damage])
    found, skipped = load_newest(tmp_path, PLAIN)
    assert found.step == 1
    assert len(skipped) == 1 and skipped[0].startswith("the checkpoint of step 2 is damaged and was skipped (")


def test_every_flip_and_cut_of_a_sample_is_noticed(tmp_path):
    for step in (1, 2):
        save(tmp_path, step)
    for damage in with_damage(tmp_path / "step-00000002", count=150, seed=5):
        found, skipped = load_newest(tmp_path, PLAIN)
        assert (found.step, len(skipped)) == (1, 1), damage
    assert value(tmp_path) == (2, 2.0)  # all is as it was


def test_a_folder_that_was_renamed_by_hand_is_noticed(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2).rename(tmp_path / "step-00000005")
    found, skipped = load_newest(tmp_path, PLAIN)
    assert (found.step, skipped) == (
        1, ["the checkpoint of step 5 is damaged and was skipped (manifest.json belongs to step 2)"]
    )  # fmt: skip


def test_it_does_not_start_over_when_all_are_damaged(tmp_path):
    save(tmp_path, 1)
    (tmp_path / "step-00000001" / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole: the checkpoint of step 1 is damaged"):
        load_newest(tmp_path, PLAIN)


@pytest.mark.parametrize("version", ["before", "after"])
def test_one_of_another_version_is_refused_with_a_sentence(tmp_path, version):
    save(tmp_path, 1)
    folder = save(tmp_path, 2)
    if version == "before":
        text = json.dumps({"schema": 2, "files": {}}).encode()
    else:
        text = with_hash({"format": FORMAT.replace("3", "4"), "what it holds": "who knows"})
    (folder / "manifest.json").write_bytes(text)
    with pytest.raises(CheckpointError, match=r"step-00000002 was written by another version of llm-train \(.*resume"):
        load_newest(tmp_path, PLAIN)


def test_every_file_operation_of_a_save_may_be_the_last(tmp_path):
    def begin(folder):
        for step in (1, 2):
            save(folder, step)

    def next_save(folder):
        save(folder, 3)

    points = []
    for point, folder in file_operations(tmp_path, begin, next_save):
        points.append(point)
        assert value(folder) in {(2, 2.0), (3, 3.0)}, point
        save(folder, 4)  # the next one is written as if nothing had been
        assert value(folder) == (4, 4.0), point
        assert not list(folder.glob(".*")), point  # nothing is left behind for ever
    assert {"open", "write", "fsync", "mkdir", "rename", "unlink"} <= {point.split(", ")[1] for point in points}


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    save(tmp_path, 1)
    for name in (".partial-step-00000002", ".deleted-step-00000001", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "step-00000001"]


def test_one_for_which_there_is_no_room_is_not_begun(tmp_path):
    save(tmp_path, 1)
    huge = torch.zeros(1).expand(10**15)  # four petabytes, of which four bytes are there
    with pytest.raises(CheckpointError) as refused:
        save_checkpoint(tmp_path, Checkpoint(2, {"w": torch.ones(1)}, {"m": huge}, {}), PLAIN)
    assert "it takes 4,000,000,00" in str(refused.value)
    assert f"{file_system(tmp_path)} has " in str(refused.value)
    assert "earlier checkpoints are unchanged" in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


@pytest.mark.parametrize("size", [0, 10, 90, 200, 400])
def test_a_write_that_fails_leaves_the_old_ones(tmp_path, files_of_at_most, size):
    save(tmp_path, 1)
    with pytest.raises(CheckpointError) as failed, files_of_at_most(size):
        save(tmp_path, 2)
    sentence = str(failed.value)
    assert sentence.startswith("the checkpoint of step 2 was not saved: ")
    assert "free some space" in sentence and f"({file_system(tmp_path)} is full)" in sentence
    assert "earlier checkpoints are unchanged" in sentence
    assert value(tmp_path) == (1, 1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_a_folder_that_may_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match=r"step 1 was not saved: .*file/checkpoints: cannot be written"):
        save(tmp_path / "file" / "checkpoints", 1)
