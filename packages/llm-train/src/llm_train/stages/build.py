"""From a recipe to the objects that train: the model, and the trainer around it."""

from collections.abc import Callable
from functools import cache, partial

import torch

from llm_layers import (
    EAGER,
    FAST,
    FUSED,
    Decoder,
    ModelConfig,
    initialize,
    initialize_gpt2,
    initialize_normal,
    initialize_truncated,
    training_flops_per_token,
)
from llm_layers.config import DESIGNS
from llm_train.backends.compiled import compiled_call
from llm_train.backends.loss_module import LossModule
from llm_train.backends.module import ModuleBackend
from llm_train.backends.threads import ThreadBackend, Workers, loss_of
from llm_train.data.batches import PackedBatches, StreamBatches
from llm_train.data.tokenizers import DEFAULT_VOCABULARY
from llm_train.data.tokens import TokenFile
from llm_train.interface import Backend, Optimizer, TrainError
from llm_train.optimizers import build_optimizer, clip_gradients
from llm_train.optimizers.averaging import AveragingOptimizer, WeightAverage
from llm_train.optimizers.loss_scale import LossScale
from llm_train.parts.files import load_parts
from llm_train.parts.replacing import functions_with, kernels_with, objective_with, optimizer_with
from llm_train.place import Place
from llm_train.recipes.growth import GROWTHS, UNDECIDED, length_of, passes_of
from llm_train.recipes.recipe import Recipe
from llm_train.schedule import FALLS, lr_multiplier
from llm_train.trainer import Trainer

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
KERNELS = {"eager": EAGER, "fused": FUSED, "fast": FAST}
INITIALIZATIONS: dict[str, Callable[..., None]] = {
    "default": initialize, "gpt2": initialize_gpt2, "normal": initialize_normal, "truncated": initialize_truncated,
}  # fmt: skip


def model_config(recipe: Recipe) -> ModelConfig:
    """Return the configuration of a recipe's model."""
    model = recipe.model
    return ModelConfig(
        vocab_size=recipe.tokenizer.vocab_size or DEFAULT_VOCABULARY,
        d_model=model.d_model,
        layers=model.layers,
        heads=model.heads,
        kv_heads=model.kv_heads,
        d_head=model.d_head,
        d_ff=model.d_ff,
        context_length=model.context_length,
        rope_base=model.rope_base,
        tied_embeddings=model.tied_embeddings,
        design=next(design for design in DESIGNS if design.family == model.design),
    )


def flops_per_token(recipe: Recipe) -> Callable[[int], int]:
    """Return a function from the number of an update, from 1, to the FLOPs of each of its tokens."""
    length, of_length = length_of(recipe), cache(partial(training_flops_per_token, model_config(recipe)))
    return lambda number: of_length(length(number - 1))


def build_model(recipe: Recipe) -> Decoder:
    """Return the model, initialized from the recipe's seed."""
    generator = torch.Generator().manual_seed(recipe.training.seed)
    kernels = kernels_with(load_parts(recipe.compute.parts), KERNELS[recipe.compute.kernels])
    model = Decoder(model_config(recipe), kernels=kernels, generator=generator, dropout=recipe.model.dropout)
    if recipe.model.initialization != "default":
        INITIALIZATIONS[recipe.model.initialization](model, generator=generator)
    return model


def build_backend(
    recipe: Recipe, model: Decoder, workers: Workers | None = None, place: Place | None = None
) -> Backend:
    """Return what runs the passes: threads on a CPU, one module on an accelerator, DDP or FSDP2 on several processes.

    FSDP2 splits the model's weights, so the optimizer must be made afterwards.
    """
    compute, place, dtype = recipe.compute, place or Place(), DTYPES[recipe.compute.precision]
    objective = objective_with(load_parts(compute.parts))
    weights = dict(model.named_parameters())
    if place.world > 1:  # imported here: FSDP takes half a second, for which a process alone need not wait
        from llm_train.backends.distributed import ReplicatedBackend, ShardedBackend, shard

        if is_sharded(recipe, place):
            return ShardedBackend(shard(model, objective, dtype, place), model, place)
        return ReplicatedBackend(model, objective, dtype, place)
    if place.device.type == "cpu":
        if compute.compile == "yes" and recipe.schedule.first_length is not None:
            raise TrainError(
                "compute.compile must be no or auto on a CPU where rows grow (schedule.first_length), was yes: each "
                "length would be compiled anew (in a command: --set compile=no)"
            )
        call = compiled_call() if compute.compile == "yes" else loss_of
        return ThreadBackend(model, objective, dtype, workers, call)
    module = LossModule(model, objective, dtype)
    if compute.compile == "yes":
        module.compile()  # in place: a wrapper would change the names of the weights
    return ModuleBackend(module, weights, place.device)


def is_sharded(recipe: Recipe, place: Place) -> bool:
    """Whether each process holds a part of every weight."""
    return place.world > 1 and recipe.compute.parallel == "fsdp"


def passes_here(recipe: Recipe, place: Place) -> int:
    """Return how many passes of an update each process makes.

    Raises:
        TrainError: they cannot be shared out evenly.
    """
    passes = recipe.passes_per_update
    if passes % place.world:
        fitting = ", ".join(str(world) for world in range(1, passes + 1) if passes % world == 0)
        raise TrainError(
            f"an update of this run has {passes} passes (training.accumulate {recipe.training.accumulate} times "
            f"compute.processes {recipe.compute.processes}), but {place.world} processes were started: "
            f"start {fitting}"
        )
    return passes // place.world


def build_batches(recipe: Recipe, text: TokenFile) -> StreamBatches:
    """Return the training batches of a text: windows of one long row, or packed ones where it has a table of them."""
    kind = StreamBatches if text.packed is None else PackedBatches
    return kind(
        text, context_length=recipe.model.context_length, batch=recipe.training.batch, seed=recipe.training.seed,
        mask_documents=recipe.data.mask_documents, with_row_keys=recipe.model.dropout > 0,
    )  # fmt: skip


def build_trainer(
    recipe: Recipe, model: Decoder, text: TokenFile, workers: Workers | None = None, place: Place | None = None
) -> Trainer:
    """Return the trainer of a model on a text; batches and learning rates are functions of the step number.

    Raises:
        TrainError: its parts cannot be combined.
    """
    training, parts = recipe.training, load_parts(recipe.compute.parts)
    place = place or Place()
    growths = functions_with(parts, GROWTHS)
    backend = build_backend(recipe, model, workers, place)  # first: FSDP2 splits the weights
    ours = build_optimizer(model, recipe.optimizer, DTYPES[recipe.compute.precision], workers)
    optimizer: Optimizer = optimizer_with(parts, ours)
    if recipe.optimizer.average is not None:
        optimizer = AveragingOptimizer(optimizer, WeightAverage(model, recipe.optimizer.average))
    return Trainer(
        backend,
        optimizer,
        build_batches(recipe, text),
        partial(lr_multiplier, recipe.schedule, training.steps or UNDECIDED, falls=functions_with(parts, FALLS)),
        clip=recipe.optimizer.clip,
        accumulate=passes_of(recipe, passes_here(recipe, place), growths),
        length=length_of(recipe, growths),
        place=place,
        loss_scale=LossScale() if recipe.compute.precision == "float16" else None,
        clipping=parts.functions.get("clip_gradients", clip_gradients),
    )
