"""A corpus to a trained model.

    trainer.py            the training loop: start reading here
    schedule.py, evaluation.py, checkpoint.py   the learning rate; how good a model is; to stop and resume exactly
    recipes/              all settings of a run, in one frozen object, and the shipped recipes
    data/                 corpus, token files, batches
    objectives/           the loss
    optimizers/           AdamW and Muon written out, parameter groups, gradient clipping
    backends/             forward and backward passes by several threads
    stages/               prepare, build, pretrain: from a recipe to a trained model
    runs/                 the run folder, metrics, progress, samples, plots, calibration
    commands/             `llm-train`, one file per verb
    reference/, spec/     the same in plain NumPy; the specification

Names are imported when they are first used, so that `--help` does not wait for torch.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import llm_tokenizer

if "BytePairTokenizer" not in getattr(llm_tokenizer, "__all__", ()):
    raise ImportError(
        f"{llm_tokenizer.__file__} belongs to another project's package llm-tokenizer: install ours over it, "
        "pip install --force-reinstall --no-deps ./packages/llm-tokenizer"
    )

if TYPE_CHECKING:
    from llm_train.data.corpus import Corpus, Document, load_corpus
    from llm_train.evaluation import Evaluation, evaluate
    from llm_train.interface import CheckpointError, NonFiniteError, Objective, Optimizer, TrainError
    from llm_train.objectives.next_token import next_token_loss
    from llm_train.optimizers import AdamW, Muon, adamw_update, clip_gradients, muon_update
    from llm_train.recipes.recipe import Recipe
    from llm_train.runs.folder import Run, find_run
    from llm_train.runs.interruption import Interrupted
    from llm_train.schedule import warmup_cosine
    from llm_train.stages.pretrain import train
    from llm_train.trainer import Step, Trainer

_HOME = {
    "data.corpus": ("Corpus", "Document", "load_corpus"),
    "evaluation": ("Evaluation", "evaluate"),
    "interface": ("CheckpointError", "NonFiniteError", "TrainError", "Objective", "Optimizer"),
    "objectives.next_token": ("next_token_loss",),
    "optimizers": ("AdamW", "Muon", "adamw_update", "clip_gradients", "muon_update"),
    "recipes.recipe": ("Recipe",),
    "runs.folder": ("Run", "find_run"),
    "runs.interruption": ("Interrupted",),
    "schedule": ("warmup_cosine",),
    "stages.pretrain": ("train",),
    "trainer": ("Step", "Trainer"),
}

__all__ = [
    "AdamW", "CheckpointError", "Corpus", "Document", "Evaluation", "Interrupted", "Muon", "NonFiniteError",
    "Objective", "Optimizer", "Recipe", "Run", "Step", "TrainError", "Trainer", "adamw_update", "clip_gradients",
    "evaluate", "find_run", "load_corpus", "muon_update", "next_token_loss", "train", "warmup_cosine",
]  # fmt: skip

try:
    __version__ = version("llm-train")
except PackageNotFoundError:  # run from a source folder that is not installed
    __version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"llm_train.{module}"), name)
    raise AttributeError(f"module 'llm_train' has no attribute {name!r}")
