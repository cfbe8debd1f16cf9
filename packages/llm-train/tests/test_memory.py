import subprocess
import sys

import pytest

from llm_layers import ModelConfig
from llm_train.commands.main import main
from llm_train.interface import TrainError
from llm_train.recipes.recipe import Recipe
from llm_train.runs.memory import available_memory, memory_needed, peak_memory
from llm_train.stages import fit
from llm_train.stages.fit import require_memory

CONFIG = ModelConfig(vocab_size=512, d_model=64, layers=2, heads=2, kv_heads=1, d_head=32, d_ff=128, context_length=64)
MEASURE = """
import sys, torch
from llm_layers import Decoder, ModelConfig
from llm_train.objectives.next_token import next_token_loss
from llm_train.backends.threads import ThreadBackend
from llm_train.data.batch import Batch
from llm_train.runs.memory import memory_needed, peak_memory
torch.set_num_threads(1)
size = dict(d_model=192, layers=4, heads=3, kv_heads=3, d_head=64, d_ff=512, context_length=128, vocab_size=2048)
config, batch = ModelConfig(**size), 64
model = Decoder(config, generator=torch.Generator().manual_seed(1))
tokens = torch.zeros(batch, 128, dtype=torch.long)
before = peak_memory()
list(ThreadBackend(model, next_token_loss, torch.float32).parts([Batch(tokens=tokens, targets=tokens)]))
print((peak_memory() - before) / memory_needed(config, batch=batch, context_length=128, precision="float32"))
"""


def needed(batch, **changes):
    return memory_needed(CONFIG, **{"batch": batch, "context_length": 64, "precision": "float32"} | changes)


def test_memory_grows_with_batch_context_and_precision():
    assert needed(30) - needed(20) == pytest.approx(needed(20) - needed(10), rel=1e-3)
    assert needed(8) > needed(8, context_length=32) > needed(8, context_length=16)
    assert needed(8) > needed(8, precision="bfloat16")
    assert needed(8, precision="auto") == needed(8), "of what may be tried the largest counts"


@pytest.mark.skipif(sys.platform != "linux", reason="the measured peak of one update is exact on Linux only")
def test_what_is_reckoned_is_what_an_update_takes():
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    assert 0.6 < float(done.stdout) < 1.4


def test_what_is_free_and_what_was_taken_are_sizes_of_this_machine():
    free, held = available_memory(), peak_memory()
    assert free is None or free > 1e6
    assert held is None or 5e7 < held < 1e12


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v is Linux's")
def test_a_limit_of_the_process_counts():
    script = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (12 * 10**9, resource.RLIM_INFINITY))\n"
        "from llm_train.runs.memory import available_memory; print(available_memory())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 12e9


def test_a_batch_that_does_not_fit_is_refused_with_one_that_does(small_recipe, monkeypatch):
    monkeypatch.setattr(fit, "available_memory", lambda device: 12 * 10**9)
    require_memory(small_recipe)
    with pytest.raises(TrainError, match=r"training.batch is 1,000,000: an update needs about .* GB .* 12.0 GB are"):
        require_memory(small_recipe.with_values(batch=1_000_000))
    try:
        require_memory(small_recipe.with_values(batch=1_000_000, accumulate=3))
    except TrainError as error:
        advice = [word.removeprefix("--set ") for word in str(error).replace(";", " ").split() if "=" in word]
    advised = small_recipe.with_settings(advice)
    require_memory(advised)
    assert advised.training.batch * advised.training.accumulate >= 3_000_000
    assert advised.training.batch > 1000


def test_a_model_that_never_fits_is_refused_by_its_shape(small_recipe, monkeypatch):
    monkeypatch.setattr(fit, "available_memory", lambda device: 10**5)
    with pytest.raises(TrainError, match=r"even --set batch=1 needs .*--set layers=…"):
        require_memory(small_recipe)


def test_where_nothing_is_known_nothing_is_refused(small_recipe, monkeypatch):
    monkeypatch.setattr(fit, "available_memory", lambda device: None)
    require_memory(small_recipe.with_values(batch=10**9))


def test_a_rehearsal_refuses_before_anything_is_read(tmp_path, capsys, recipe_file):
    command = ["run", "--recipe", str(recipe_file), "--runs", str(tmp_path / "runs"), "--dry-run"]
    assert main([*command, "--corpus", str(tmp_path / "none.txt"), "--set", "batch=1000000000"]) == 2
    assert "training.batch is 1,000,000,000" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_the_shipped_recipes_fit_into_two_gigabytes(monkeypatch):
    monkeypatch.setattr(fit, "available_memory", lambda device: 2 * 10**9)
    for name in ("shakespeare", "tiny"):
        require_memory(Recipe.load(name))
