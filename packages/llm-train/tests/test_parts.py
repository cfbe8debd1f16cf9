"""Functions of one's own in the real model and loop: they are used, and give the same training as ours."""

import sys

import pytest
import torch

from llm_tokenizer.commands.progress import Progress
from llm_train.commands.main import main
from llm_train.interface import TrainError
from llm_train.parts.checking import require_parts, usable
from llm_train.parts.files import load_parts
from llm_train.parts.pins import pinned
from llm_train.recipes.recipe import Recipe
from llm_train.runs.folder import Run
from llm_train.stages.build import build_model, build_trainer
from llm_train.stages.prepare import prepare

LAYERS = """
import torch

SPEC_ARRAYS = "torch"
CALLED = set()


def linear(x, weight, bias):
    CALLED.add("linear")
    y = x @ weight.T
    return y if bias is None else y + bias


def rms_norm(x, gain, eps):
    CALLED.add("rms_norm")
    return gain * x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt()


def attention(query, key, value, mask):
    CALLED.add("attention")
    scores = query @ key.mT / query.shape[-1] ** 0.5
    if mask is None:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool)
    weights = torch.softmax(scores.where(mask, torch.finfo(scores.dtype).min / 2), -1) if scores.numel() else scores
    return weights.where(mask, 0) @ value


def swiglu(x, gate, up, down):
    CALLED.add("swiglu")
    opened = x @ gate.T
    return (opened * torch.sigmoid(opened) * (x @ up.T)) @ down.T


def cross_entropy(logits, targets, ignored):
    CALLED.add("cross_entropy")
    counted = targets != ignored
    right = torch.log_softmax(logits, -1).gather(-1, targets.where(counted, 0)[..., None])[..., 0]
    return -right.where(counted, 0).sum() / counted.sum().clamp(min=1)
"""
TRAINING = """
import torch

SPEC_ARRAYS = "torch"
CALLED = set()


def adamw(parameter, gradient, first_moment, second_moment, step, learning_rate, beta1, beta2, eps, weight_decay):
    CALLED.add("adamw")
    first_moment = beta1 * first_moment + (1 - beta1) * gradient
    second_moment = beta2 * second_moment + (1 - beta2) * gradient**2
    mean, square = first_moment / (1 - beta1**step), second_moment / (1 - beta2**step)
    decayed = parameter - learning_rate * weight_decay * parameter
    return decayed - learning_rate * mean / (square.sqrt() + eps), first_moment, second_moment


def muon(parameter, gradient, direction, learning_rate, momentum, weight_decay, polynomials, margin, eps):
    CALLED.add("muon")
    direction = momentum * direction + (1 - momentum) * gradient
    x = momentum * direction + (1 - momentum) * gradient
    tall = x.shape[0] > x.shape[1]
    x = x.mT if tall else x
    x = x / (margin * x.norm()).clamp(min=eps)
    for a, b, c in polynomials:
        squared = x @ x.mT
        x = a * x + (b * squared + c * squared @ squared) @ x
    step = learning_rate * max(1, parameter.shape[0] / parameter.shape[1]) ** 0.5 * (x.mT if tall else x)
    return parameter - learning_rate * weight_decay * parameter - step, direction


def clip_gradients(gradients, limit):
    CALLED.add("clip_gradients")
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    return ([gradient * (limit / norm) for gradient in gradients] if norm > limit else list(gradients)), norm


def warmup_stable_decay(step, peak, floor, warmup_steps, total_steps, decay_steps):
    CALLED.add("warmup_stable_decay")
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    return floor + (peak - floor) * min(1, max(0, (total_steps - step) / decay_steps))


def batch_size(step, sizes, stage_steps):
    CALLED.add("batch_size")
    ends = [sum(stage_steps[:count]) for count in range(1, len(sizes))]
    stages = [sum(one >= end for end in ends) for one in range(step + 1)]
    return sizes[stages[step]], sum(sizes[stage] for stage in stages[:step])


def sequence_length(step, first, last, growth_steps, multiple):
    CALLED.add("sequence_length")
    if step >= growth_steps:
        return last
    grown = (last - first) * step // growth_steps
    return first + grown - grown % multiple
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two files of a learner, in which commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_layers.py").write_text(LAYERS)
    (tmp_path / "own_training.py").write_text(TRAINING)
    load_parts.cache_clear()
    yield tmp_path
    for name in ("own_layers", "own_training"):
        sys.modules.pop(name, None)


def losses(recipe, folder, reporter, steps=4):
    folder.mkdir()
    prepared = prepare(recipe, Run(folder), reporter)
    trainer = build_trainer(recipe, build_model(recipe), prepared.training)
    return [step.loss for step in trainer.run(0, steps)]


def test_they_are_called_and_train_as_ours_do(folder, small_recipe, reporter):
    small_recipe = small_recipe.with_values(batch_doublings=(0.25,), first_length=8, length_multiple=8)
    theirs = losses(small_recipe.with_values(parts=("own_layers.py", "own_training.py")), folder / "a", reporter)
    ours = losses(small_recipe, folder / "b", reporter)
    assert {"linear", "rms_norm", "attention", "swiglu", "cross_entropy"} == sys.modules["own_layers"].CALLED
    loop = {"adamw", "muon", "clip_gradients", "warmup_stable_decay", "batch_size", "sequence_length"}
    assert loop == sys.modules["own_training"].CALLED
    torch.testing.assert_close(theirs, ours, rtol=1e-3, atol=1e-3)


def test_a_run_says_what_is_yours_records_it_and_refuses_a_file_that_has_changed(folder, recipe_file, capsys):
    command = ["run", "--recipe", str(recipe_file), "--set", "steps=2", "--parts", "own_layers.py,own_training.py"]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "yours, from own_layers.py: linear, rms_norm, attention, swiglu, cross_entropy" in shown
    stored = Recipe.load("runs/small/recipe.toml").compute.parts
    assert [entry.partition("@")[0] for entry in stored] == ["own_layers.py", "own_training.py"]
    assert all(len(entry.partition("@")[2]) == 16 for entry in stored)
    assert main(command) == 0  # finished, and the same files
    assert main(command[:-2]) == 2  # without them it would be another run
    assert "compute.parts" in capsys.readouterr().err
    (folder / "own_layers.py").write_text(LAYERS + "\n# another thought\n")
    load_parts.cache_clear()
    assert main(command) == 2
    assert "compute.parts" in capsys.readouterr().err
    assert main(["run", "--recipe", "runs/small/recipe.toml", "--run", "again"]) == 2
    said = capsys.readouterr().err
    assert "own_layers.py: has changed since the run of this recipe began" in said
    assert "give --parts own_layers.py,own_training.py again, and --run NAME" in said
    again = ["--parts", "own_layers.py,own_training.py", "--run", "again"]
    assert main(["run", "--recipe", "runs/small/recipe.toml", *again]) == 0  # what the sentence says is true


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('SPEC_ARRAYS = "torch"', ""), ["own_layers.py", "numpy arrays", 'SPEC_ARRAYS = "torch"']),
        (
            ("+ eps).sqrt()", ").sqrt() + eps"),
            [
                "rms_norm(x, gain, eps) -> y does not meet its contract:\n  clause 2: eps is added",
                "yours ",
                "golden ",
                "-k layers.rms_norm --quick` shows all",
            ],
        ),
        (
            ("counted = targets != ignored", "counted = targets != -100"),
            ["cross_entropy(logits, targets, ignored) -> loss does", "those of a known mistake: -100 always"],
        ),
        (
            ("def rms_norm(x, gain, eps):", "def rms_norm(x, gain, eps, scale):"),
            ["rms_norm(x, gain, eps) -> y does not meet", " could not be tried:\n", "'scale'"],
        ),
        (("return gain * x", "return gain.detach() * x"), ["rms_norm(x, gain, eps) -> y does not meet its contract"]),
        (
            (LAYERS, 'SPEC_ARRAYS = "torch"\n\n\ndef rms_morm(x):\n    return x\n'),
            ["none of its functions", "rms_morm is no name of the specification; did you mean rms_norm?"],
        ),
        ((LAYERS, 'SPEC_ARRAYS = "torch"\n\n\ndef sgd(x):\n    return x\n'), ["none of its functions", "run: sgd"]),
        (
            (LAYERS, 'SPEC_ARRAYS = "torch"\nadamw = None\n'),
            [
                "none of its functions is a part of this run: it has none",
                "adamw is a value of type NoneType and must be",
            ],
        ),
        (
            (LAYERS, 'SPEC_ARRAYS = "torch"\n\n\nclass rms_norm:\n    pass\n\n\nclass SwiGLU:\n    pass\n'),
            [
                "rms_norm is a class and must be a function",
                "SwiGLU is no name of the specification; did you mean swiglu?",
            ],
        ),
        (
            (LAYERS, "def train_bpe(x):\n    return x\n"),
            ["a tokenizer is no part of a run's --parts (here: train_bpe)"],
        ),
        (
            (LAYERS, "".join(f"def part_{number}(x):\n    return x\n\n\n" for number in range(6))),
            ["part of this run: part_0, part_1, part_2, part_3 and 2 more; a run"],
        ),
        ((LAYERS, 'SPEC_ARRAYS = "torch"\nraise OSError("no disk")\n'), ["no disk"]),
    ],
)
def test_what_cannot_train_is_refused_with_a_sentence(folder, recipe_file, capsys, change, words):
    (folder / "own_layers.py").write_text(LAYERS.replace(*change))
    assert main(["run", "--recipe", str(recipe_file), "--parts", "own_layers.py"]) == 2
    said = capsys.readouterr().err
    assert all(word in said for word in words), said
    assert not (folder / "runs" / "small" / "recipe.toml").exists()


def test_a_function_with_nearly_the_name_of_a_part_is_named(folder, small_recipe):
    more = "\n\ndef adam_w(x):\n    return x\n\n\ndef sgd(x):\n    return x\n\n\ndef _attentio(x):\n    return x\n"
    far = "".join(f"\n\ndef {name}(x):\n    return x\n" for name in ("batch_of", "linear_of"))
    (folder / "own_layers.py").write_text(LAYERS + more + far)
    first, note = require_parts(small_recipe.with_values(parts=("own_layers.py",)))
    assert first.startswith("yours, from own_layers.py: ") and first.endswith(
        " (not parts of this run: sgd, adam_w, batch_of, linear_of)"
    )
    assert note == "note: own_layers.py: adam_w is no name of the specification; did you mean adamw?"


def test_it_is_shown_which_function_is_checked(folder, small_recipe, monkeypatch):
    shown = []
    monkeypatch.setattr(Progress, "__call__", lambda self, stage: shown.append(stage))
    require_parts(small_recipe.with_values(parts=("own_layers.py", "own_training.py")))
    assert "checking linear in own_layers.py, 1 of 11" in shown
    assert shown[-1].endswith(" in own_training.py, 11 of 11")


@pytest.mark.parametrize("verb", [["run", "--dry-run"], ["profile"]])
def test_what_is_only_rehearsed_is_checked_too(folder, recipe_file, capsys, verb):
    (folder / "own_layers.py").write_text('SPEC_ARRAYS = "torch"\n')
    assert main([*verb, "--recipe", str(recipe_file), "--parts", "own_layers.py"]) == 2
    assert "own_layers.py: none of its functions is a part of this run" in capsys.readouterr().err


def test_files_that_are_not_there_and_functions_that_are_there_twice_are_refused(folder, small_recipe):
    for name in ("nowhere.py", "own_layers", ""):
        with pytest.raises(TrainError, match="must be a Python file"):
            pinned(small_recipe.with_values(parts=(name,)))
    (folder / "own_training.py").write_text(LAYERS)
    with pytest.raises(TrainError, match=r"linear is in own_layers.py and in own_training.py"):
        load_parts(("own_layers.py", "own_training.py"))


def test_a_run_can_use_what_its_recipe_is_made_of(small_recipe):
    assert "warmup_stable_decay" in usable(small_recipe)
    cosine = small_recipe.with_values(shape="cosine", matrix_optimizer="adamw")
    assert {"adamw", "warmup_cosine"} <= set(usable(cosine))
    assert not {"muon", "warmup_stable_decay"} & set(usable(cosine))


def test_without_parts_nothing_changes(small_recipe):
    assert pinned(small_recipe) is small_recipe
    assert load_parts(()).functions == {}


def test_a_function_that_another_file_only_imports_is_not_its_own(folder, small_recipe):
    (folder / "own_training.py").write_text("from own_layers import *\n" + TRAINING)
    lines = require_parts(pinned(small_recipe.with_values(parts=("own_layers.py", "own_training.py"))))
    assert [line.partition(":")[0] for line in lines] == ["yours, from own_layers.py", "yours, from own_training.py"]
