"""A corpus to a trained model.

    trainer.py            the training loop: start reading here
    schedule.py, evaluation.py   the learning rate; how good a model is
    checkpoints/          to stop, or be killed, and go on exactly
    recipes/              all settings of a run, in one frozen object, and the shipped recipes
    data/                 corpus, token files, batches
    objectives/           the loss
    optimizers/           SGD, AdamW and Muon written out, parameter groups, clipping, averaging, loss scale
    backends/             forward and backward passes by several threads
    parts/                functions of your own in place of ours
    stages/               prepare, build, pretrain: from a recipe to a trained model
    runs/                 the run folder, metrics, progress, samples, calibration, memory, trackers
    reports/              curves: the page of a run, and the comparison of several
    commands/             `llm-train`, one file per verb
    reference/, spec/     the same in plain NumPy; the specification

Names are imported when they are first used, so that `--help` does not wait for torch.
"""

from typing import TYPE_CHECKING

import llm_layers  # noqa: F401  (it refuses another project's llm_tokenizer)
from llm_tokenizer.commands.deferred_imports import deferred_imports

if TYPE_CHECKING:
    from llm_train.backends.threads import ThreadBackend as ThreadBackend
    from llm_train.combining import combine as combine
    from llm_train.data.batch import Batch as Batch
    from llm_train.data.corpus import Corpus as Corpus
    from llm_train.data.corpus import load_corpus as load_corpus
    from llm_train.data.prepared import texts_of as texts_of
    from llm_train.data.prepared import write_prepared as write_prepared
    from llm_train.data.sources import Document as Document
    from llm_train.evaluation import Evaluation as Evaluation
    from llm_train.evaluation import evaluate as evaluate
    from llm_train.interface import Backend as Backend
    from llm_train.interface import CheckpointError as CheckpointError
    from llm_train.interface import NonFiniteError as NonFiniteError
    from llm_train.interface import Objective as Objective
    from llm_train.interface import Optimizer as Optimizer
    from llm_train.interface import Part as Part
    from llm_train.interface import Tracker as Tracker
    from llm_train.interface import TrainError as TrainError
    from llm_train.measures import bits_per_byte as bits_per_byte
    from llm_train.measures import perplexity as perplexity
    from llm_train.objectives.next_token import next_token_loss as next_token_loss
    from llm_train.optimizers import SGD as SGD
    from llm_train.optimizers import AdamW as AdamW
    from llm_train.optimizers import LossScale as LossScale
    from llm_train.optimizers import Muon as Muon
    from llm_train.optimizers import WeightAverage as WeightAverage
    from llm_train.optimizers import adamw_update as adamw_update
    from llm_train.optimizers import clip_gradients as clip_gradients
    from llm_train.optimizers import ema_update as ema_update
    from llm_train.optimizers import muon_update as muon_update
    from llm_train.optimizers import orthogonalize as orthogonalize
    from llm_train.optimizers import sgd_update as sgd_update
    from llm_train.optimizers import update_loss_scale as update_loss_scale
    from llm_train.optimizers import update_ratio as update_ratio
    from llm_train.recipes.recipe import Recipe as Recipe
    from llm_train.runs.finding import find_run as find_run
    from llm_train.runs.folder import Run as Run
    from llm_train.runs.interruption import Interrupted as Interrupted
    from llm_train.schedule import batch_size as batch_size
    from llm_train.schedule import sequence_length as sequence_length
    from llm_train.schedule import warmup_cosine as warmup_cosine
    from llm_train.schedule import warmup_linear as warmup_linear
    from llm_train.schedule import warmup_stable_decay as warmup_stable_decay
    from llm_train.stages.pretrain import train as train
    from llm_train.trainer import Step as Step
    from llm_train.trainer import Trainer as Trainer

__getattr__, __all__ = deferred_imports(__name__, __file__)
