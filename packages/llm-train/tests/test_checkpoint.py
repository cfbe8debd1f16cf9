import contextlib
import errno
import os
import shutil
from pathlib import Path

import pytest
import torch
from llm_train.checkpoint import Checkpoint, load_newest, save_checkpoint, steps_saved

from llm_train.interface import CheckpointError


def make(step):
    return Checkpoint(step, {"w": torch.full((3,), float(step))}, {"mean.w": torch.tensor([step])}, {"note": step})


def value(folder):
    found, _ = load_newest(folder)
    return None if found is None else (found.step, found.model["w"][0].item())


def test_what_is_saved_comes_back(tmp_path):
    save_checkpoint(tmp_path, make(7), keep=2)
    random_state = torch.get_rng_state()
    found, skipped = load_newest(tmp_path)
    assert torch.equal(torch.get_rng_state(), random_state)  # the caller's own
    assert (found.step, found.state, skipped) == (7, {"note": 7}, [])
    assert {name: value.tolist() for name, value in found.optimizer.items()} == {"mean.w": [7]}


def test_only_the_newest_are_kept(tmp_path):
    for step in range(1, 6):
        save_checkpoint(tmp_path, make(step), keep=2)
    assert steps_saved(tmp_path) == [4, 5]
    assert {path.name for path in tmp_path.iterdir()} == {"step-00000004", "step-00000005"}


def test_there_is_no_pickle(tmp_path):
    folder = save_checkpoint(tmp_path, make(1), keep=2)
    assert {path.name for path in folder.iterdir()} == {
        "model.safetensors", "optimizer.safetensors", "state.json", "manifest.json",
    }  # fmt: skip
    for path in folder.iterdir():  # JSON, or safetensors: eight bytes of length and then JSON
        assert path.read_bytes()[8 if path.suffix == ".safetensors" else 0 :].startswith(b"{")


def test_nothing_saved_is_no_checkpoint(tmp_path):
    assert load_newest(tmp_path / "none") == (None, [])


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "gone"])
def test_a_corrupt_one_is_skipped_and_named(tmp_path, name, damage):
    for step in (1, 2):
        save_checkpoint(tmp_path, make(step), keep=2)
    path = tmp_path / "step-00000002" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flip" else content[: len(content) // 2])
    found, skipped = load_newest(tmp_path)
    if found.step == 2:  # a flipped bit in the manifest may be in a space
        assert (name, damage) == ("manifest.json", "flip")
    else:
        assert "step 2 is corrupt" in skipped[0]


def test_it_does_not_start_over_when_all_are_damaged(tmp_path):
    save_checkpoint(tmp_path, make(1), keep=2)
    (tmp_path / "step-00000001" / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_newest(tmp_path)


class CrashError(BaseException):
    """The process dies here."""


def count_calls(monkeypatch, tmp_path, die_at):
    """Let the writer die at its n-th call to the file system; without a number, count the calls."""
    calls = 0

    def wrap(owner, name):
        true = getattr(owner, name)

        def counted(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == die_at:
                raise CrashError
            return true(*arguments, **options)

        monkeypatch.setattr(owner, name, counted)

    wrap(os, "fsync")
    wrap(Path, "mkdir")
    wrap(Path, "rename")
    wrap(Path, "replace")
    wrap(Path, "open")
    wrap(shutil, "rmtree")
    try:
        save_checkpoint(tmp_path, make(3), keep=2)
    finally:
        monkeypatch.undo()
    return calls


def crash_points():
    return range(1, 41)


@pytest.mark.parametrize("die_at", crash_points())
def test_a_crash_at_any_moment_leaves_a_whole_checkpoint(monkeypatch, tmp_path, die_at):
    for step in (1, 2):
        save_checkpoint(tmp_path, make(step), keep=2)
    with contextlib.suppress(CrashError):
        count_calls(monkeypatch, tmp_path, die_at)
    found = value(tmp_path)
    assert found in {(2, 2.0), (3, 3.0)}
    save_checkpoint(tmp_path, make(4), keep=2)  # and the next one is written as if nothing had been
    assert value(tmp_path) == (4, 4.0)
    assert not list(tmp_path.glob(".*-step-*"))  # nothing is left behind for ever


def test_the_crash_points_are_all_there_are(monkeypatch, tmp_path):
    for step in (1, 2):
        save_checkpoint(tmp_path, make(step), keep=2)
    calls = count_calls(monkeypatch, tmp_path, die_at=-1)
    assert calls <= max(crash_points())


@pytest.mark.parametrize("after", range(8))
def test_a_full_disk_leaves_the_old_ones(monkeypatch, tmp_path, after):
    save_checkpoint(tmp_path, make(1), keep=2)
    opened, true = [], Path.open

    def full(path, *mode):
        opened.append(path)
        if len(opened) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return true(path, *mode)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(CheckpointError, match=r"step 2.*No space left.*free some space.*unchanged"):
        save_checkpoint(tmp_path, make(2), keep=2)
    monkeypatch.undo()
    assert value(tmp_path) == (1, 1.0)
    assert not list(tmp_path.glob(".partial*"))
