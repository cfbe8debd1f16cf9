"""Train a tiny model for some updates in one layout, in each precision, and write losses and end weights.

Called by `layouts.py`, where it must be in several processes: by torchrun.
"""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from llm_layers import Decoder, ModelConfig
from llm_train.backends.distributed import ReplicatedBackend, ShardedBackend, shard
from llm_train.backends.splitting import whole
from llm_train.backends.threads import ThreadBackend, Workers, worker_threads
from llm_train.data.batch import IGNORE_INDEX, Batch
from llm_train.interface import Backend, NonFiniteError
from llm_train.objectives.next_token import next_token_loss
from llm_train.optimizers import build_optimizer
from llm_train.place import Place, find_place
from llm_train.recipes.settings import OptimizerSettings
from llm_train.schedule import batch_size
from llm_train.trainer import Trainer

ROWS, POSITIONS, VOCAB = 8, 24, 61
DTYPES = ("float32", "bfloat16")
CONFIG = ModelConfig(
    vocab_size=VOCAB, d_model=32, layers=2, heads=4, kv_heads=2, d_head=8, d_ff=64, context_length=POSITIONS
)


def rows_of_pass(number: int, rows: int) -> Batch:
    """Return the rows of a pass: each a function of its number in the whole training alone."""
    made = [row(number * rows + index) for index in range(rows)]
    tokens, targets, documents, keys = (torch.stack(column) for column in zip(*made, strict=True))
    return Batch(tokens=tokens, targets=targets, documents=documents, row_keys=keys)


def row(sample: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return tokens, targets (of which every third row counts only a few), documents, and the key of the draws."""
    draw = torch.Generator().manual_seed(sample)
    text = torch.cumsum(torch.randint(0, 3, (POSITIONS + 1,), generator=draw), 0) % VOCAB
    border = int(torch.randint(1, POSITIONS, (), generator=draw))
    documents = (torch.arange(POSITIONS) >= border).long()
    targets = text[1:].clone()
    targets[border - 1] = IGNORE_INDEX
    if sample % 3 == 0:
        targets[: POSITIONS - 4] = IGNORE_INDEX
    return text[:-1], targets, documents, torch.tensor(sample * 2654435761 % 2**62)


def trained(layout: str, parts: int, dtype: torch.dtype, updates: int, place: Place) -> tuple[list[float], Decoder]:
    """Return the losses and the model; an update always has ROWS rows, cut into `parts`."""
    with worker_threads(parts if layout == "threads" else 1) as workers:
        trainer, model = prepared(layout, parts, dtype, place, workers)
        return [step.loss for step in trainer.run(0, updates)], model


def prepared(
    layout: str, parts: int, dtype: torch.dtype, place: Place, workers: Workers | None = None
) -> tuple[Trainer, Decoder]:
    """Return the trainer and its model."""
    model = Decoder(CONFIG, generator=torch.Generator().manual_seed(0), dropout=0.1)
    accumulate = parts if layout == "passes" else 1
    rows = ROWS // (accumulate * place.world)
    backend: Backend
    if layout == "ddp":
        backend = ReplicatedBackend(model, next_token_loss, dtype, place)
    elif layout == "fsdp":
        backend = ShardedBackend(shard(model, next_token_loss, dtype, place), model, place)
    else:
        backend = ThreadBackend(model, next_token_loss, dtype, workers)
    optimizer = build_optimizer(model, replace(OptimizerSettings(), matrix_lr=0.01, embedding_lr=0.01), dtype)
    trainer = Trainer(
        backend, optimizer, lambda number: rows_of_pass(number, rows), lambda step: 1.0,
        accumulate=partial(batch_size, sizes=[accumulate], stage_steps=[]), place=place,
    )  # fmt: skip
    return trainer, model


def held_back(layout: str, place: Place) -> bool:
    """Whether a NaN in the batch of the last process stops the update in every process, and changes no weight."""
    trainer, model = prepared(layout, 1, torch.float32, place)
    list(trainer.run(0, 2))
    before = {name: whole(weight).detach().clone() for name, weight in model.named_parameters()}
    batches = trainer.batches
    trainer.batches = lambda number: spoiled(batches(number)) if place.rank == place.world - 1 else batches(number)
    try:
        trainer.update(2)
        stopped = False
    except NonFiniteError:
        stopped = True
    unchanged = all(torch.equal(whole(weight), before[name]) for name, weight in model.named_parameters())
    return not place.any(not (stopped and unchanged))


def spoiled(batch: Batch) -> Batch:
    """Return a batch with a weight that is not a number."""
    weights = torch.ones(batch.tokens.shape)
    weights[-1, -1] = torch.nan
    return replace(batch, weights=weights)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layout", choices=["threads", "passes", "ddp", "fsdp"])
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with find_place("cpu") as place:
        written = {}
        for name in DTYPES:
            losses, model = trained(given.layout, given.parts, getattr(torch, name), given.updates, place)
            weights = {f"{name}.{key}": whole(weight).detach() for key, weight in model.named_parameters()}
            written |= weights | {f"{name}.losses": torch.tensor(losses, dtype=torch.float64)}
        if given.layout in ("ddp", "fsdp"):
            written["held_back"] = torch.tensor(held_back(given.layout, place))
        if place.first:
            save_file(written, given.out)


if __name__ == "__main__":
    main()
