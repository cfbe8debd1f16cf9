"""Train a tiny model for some updates in one layout, and write losses and end weights: called by `layouts.py`."""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from llm_layers import Decoder, ModelConfig
from llm_train.backends.distributed import ReplicatedBackend, ShardedBackend, shard
from llm_train.backends.threads import ThreadBackend, worker_threads
from llm_train.data.batch import IGNORE_INDEX, Batch
from llm_train.interface import Backend
from llm_train.objectives.next_token import next_token_loss
from llm_train.optimizers import build_optimizer
from llm_train.place import Place, find_place
from llm_train.recipes.settings import OptimizerSettings
from llm_train.trainer import Trainer

ROWS, POSITIONS, VOCAB = 8, 24, 61
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
    model = Decoder(CONFIG, generator=torch.Generator().manual_seed(0), dropout=0.1)
    backend: Backend
    accumulate, rows = 1, ROWS
    with worker_threads(parts if layout == "threads" else 1) as workers:
        if layout in ("threads", "passes"):
            if layout == "passes":
                accumulate, rows = parts, ROWS // parts
            backend = ThreadBackend(model, next_token_loss, dtype, workers)
        else:
            rows = ROWS // place.world
            if layout == "ddp":
                backend = ReplicatedBackend(model, next_token_loss, dtype, place)
            else:
                backend = ShardedBackend(shard(model, next_token_loss, dtype, place), model, place)
        optimizer = build_optimizer(model, replace(OptimizerSettings(), matrix_lr=0.01, embedding_lr=0.01), dtype)
        trainer = Trainer(
            backend, optimizer, lambda number: rows_of_pass(number, rows), lambda step: 1.0, accumulate=accumulate,
            place=place,
        )  # fmt: skip
        return [step.loss for step in trainer.run(0, updates)], model


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layout", choices=["threads", "passes", "ddp", "fsdp"])
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with find_place("cpu") as place:
        losses, model = trained(given.layout, given.parts, getattr(torch, given.dtype), given.updates, place)
        weights = {name: whole(weight) for name, weight in model.named_parameters()}
        if place.first:
            save_file({**weights, "losses": torch.tensor(losses, dtype=torch.float64)}, given.out)


def whole(weight: Tensor) -> Tensor:
    """Return a weight that may be split over processes as one tensor."""
    full = weight.full_tensor() if hasattr(weight, "full_tensor") else weight
    return full.detach().contiguous()


if __name__ == "__main__":
    main()
