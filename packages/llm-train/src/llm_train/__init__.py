"""A corpus to a trained model.

    recipe.py, recipes/   every decision of a run, in one frozen object
    corpus.py, shakespeare.py, preparation.py   text, and what of it is held out; tokenizer and tokens from it
    tokens.py, batches.py   memory-mapped ids; batches as a pure function of seed and step
    optimizers/, schedule.py, gradients.py   AdamW and Muon written out; the rate; clipping
    objectives.py, trainer.py   the loss; the loop: start reading here
    evaluation.py, samples.py   how good it is; what it writes
    checkpoint.py, interruption.py   stop at any moment, go on exactly
    pipeline.py, rehearsal.py, run.py   all stages in order; what depends on the machine; the folder it leaves
    metrics.py, progress.py, plots.py   the record, the live line, the picture
    reference/, spec/   the same in plain NumPy, and what it must be, as data

Names are loaded when they are first asked for, so that a help text need not wait for torch.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import llm_tokenizer

if not hasattr(llm_tokenizer, "BytePairTokenizer"):
    raise ImportError(
        f"{llm_tokenizer.__file__} belongs to another project's package llm-tokenizer: install ours over it, "
        "pip install --force-reinstall --no-deps ./packages/llm-tokenizer"
    )

if TYPE_CHECKING:
    from llm_train.corpus import Corpus, Document, load_corpus
    from llm_train.evaluation import Evaluation, evaluate
    from llm_train.gradients import clip_gradients
    from llm_train.interface import CheckpointError, NonFiniteError, Objective, Optimizer, TrainError
    from llm_train.interruption import Interrupted
    from llm_train.objectives import next_token_loss
    from llm_train.optimizers import AdamW, Muon, adamw_update, muon_update
    from llm_train.pipeline import train
    from llm_train.recipe import Recipe
    from llm_train.run import Run, newest_run
    from llm_train.schedule import warmup_cosine
    from llm_train.trainer import Step, Trainer

_HOME = {
    "corpus": ("Corpus", "Document", "load_corpus"),
    "evaluation": ("Evaluation", "evaluate"),
    "gradients": ("clip_gradients",),
    "interface": ("CheckpointError", "NonFiniteError", "TrainError", "Objective", "Optimizer"),
    "interruption": ("Interrupted",),
    "objectives": ("next_token_loss",),
    "optimizers": ("AdamW", "Muon", "adamw_update", "muon_update"),
    "pipeline": ("train",),
    "recipe": ("Recipe",),
    "run": ("Run", "newest_run"),
    "schedule": ("warmup_cosine",),
    "trainer": ("Step", "Trainer"),
}

__all__ = [
    "AdamW", "CheckpointError", "Corpus", "Document", "Evaluation", "Interrupted", "Muon", "NonFiniteError",
    "Objective", "Optimizer", "Recipe", "Run", "Step", "TrainError", "Trainer", "adamw_update", "clip_gradients",
    "evaluate", "load_corpus", "muon_update", "newest_run", "next_token_loss", "train", "warmup_cosine",
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
