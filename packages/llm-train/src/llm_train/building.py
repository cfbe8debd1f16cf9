"""From a recipe to the objects that train: the model, and the trainer around it."""

import torch

from llm_layers import Decoder, ModelConfig
from llm_train.batches import batch_at
from llm_train.objectives import next_token_loss
from llm_train.optimizers import build_optimizer
from llm_train.recipe import Recipe
from llm_train.schedule import rate_share
from llm_train.tokens import TokenFile
from llm_train.trainer import Trainer
from llm_train.workers import Workers


def model_config(recipe: Recipe) -> ModelConfig:
    """The shape that a recipe asks for."""
    model = recipe.model
    return ModelConfig(
        vocab_size=recipe.tokenizer.vocabulary,
        d_model=model.d_model,
        layers=model.layers,
        heads=model.heads,
        kv_heads=model.kv_heads,
        d_head=model.d_head,
        d_ff=model.d_ff,
        context_length=model.context,
        rope_base=model.rope_base,
        tied_embeddings=model.tied,
    )


def build_model(recipe: Recipe) -> Decoder:
    """The model with the start values of the recipe's seed."""
    return Decoder(model_config(recipe), generator=torch.Generator().manual_seed(recipe.training.seed))


def build_trainer(
    recipe: Recipe, model: Decoder, text: TokenFile, dtype: torch.dtype, workers: Workers | None = None
) -> Trainer:
    """The trainer for a model and a text; batches and rates are functions of the step number."""
    training = recipe.training
    steps = training.steps or 10**9  # not decided yet: a rehearsal does not come near the end

    def batches(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        return batch_at(text.ids, context=recipe.model.context, batch=training.batch, seed=training.seed, step=number)

    return Trainer(
        model,
        build_optimizer(model, recipe.optimizer, dtype, workers),
        next_token_loss,
        batches,
        lambda number: rate_share(recipe.schedule, number, steps),
        clip=recipe.optimizer.clip,
        accumulate=training.accumulate,
        dtype=dtype,
        workers=workers,
    )
