"""From a recipe to the objects that train: the model, and the trainer around it."""

from dataclasses import asdict
from functools import partial

import torch

from llm_layers import Decoder, ModelConfig
from llm_train.backends.threads import ThreadBackend, Workers
from llm_train.data.batches import ShuffledBatches
from llm_train.data.tokens import TokenFile
from llm_train.optimizers import build_optimizer, clip_gradients
from llm_train.parts.files import load_parts
from llm_train.parts.replacing import functions_with, kernels_with, objective_with, optimizer_with
from llm_train.recipes.recipe import Recipe
from llm_train.schedule import FALLS, lr_multiplier
from llm_train.trainer import Trainer


def model_config(recipe: Recipe) -> ModelConfig:
    """Return the configuration of a recipe's model."""
    return ModelConfig(vocab_size=recipe.tokenizer.vocab_size, **asdict(recipe.model))


def build_model(recipe: Recipe) -> Decoder:
    """Return the model, initialized from the recipe's seed."""
    kernels = kernels_with(load_parts(recipe.training.parts))
    generator = torch.Generator().manual_seed(recipe.training.seed)
    return Decoder(model_config(recipe), kernels=kernels, generator=generator)


def build_trainer(
    recipe: Recipe, model: Decoder, text: TokenFile, dtype: torch.dtype, workers: Workers | None = None
) -> Trainer:
    """Return the trainer of a model on a text; batches and learning rates are functions of the step number."""
    training, parts = recipe.training, load_parts(recipe.training.parts)
    steps = training.steps or 10**9  # not decided yet: a calibration stays far from the end
    return Trainer(
        ThreadBackend(model, objective_with(parts), dtype, workers),
        optimizer_with(parts, build_optimizer(model, recipe.optimizer, dtype, workers)),
        ShuffledBatches(text.ids, context_length=recipe.model.context_length, batch=training.batch, seed=training.seed),
        partial(lr_multiplier, recipe.schedule, steps, falls=functions_with(parts, FALLS)),
        clip=recipe.optimizer.clip,
        accumulate=training.accumulate,
        clipping=parts.functions.get("clip_gradients", clip_gradients),
    )
