"""Measure what quantization costs a trained model: `python docs/_build/record_quantization.py runs/shakespeare`.

It writes `docs/recorded/quantization.json`: the perplexity of the run's model on the plays held back, all of them, with
its weights stored in several ways, and the time that one product takes. Use a machine that does nothing else.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from plots import RECORDED
from torch import Tensor, nn
from torch.nn import functional as F

from llm_layers import (
    FUSED,
    Decoder,
    bfloat16_int4_linear,
    bfloat16_int8_linear,
    dequantize_int4,
    int4_linear,
    int8_linear,
    load_model,
    pack_int4,
    quantize_int4,
    quantize_int8,
    quantize_model,
    use_bfloat16_kernels,
)
from llm_layers.kernels import bfloat16 as bfloat16_kernels
from llm_layers.layers.quantized_linear import plain_linear_layers
from llm_train.data.tokens import TokenFile, open_tokens
from llm_train.evaluation import evaluate
from llm_train.objectives.next_token import next_token_loss

SHAPES = ((512, 192), (1024, 1024), (4096, 4096))
SECONDS = 1.0
"""For each product; the shortest time counts."""


def main() -> int:
    """Measure the run that is named, and write the file."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    run = Path(sys.argv[1])
    torch.set_num_threads(1)
    times = [time_products(*shape) for shape in SHAPES]
    model = load_model(run / "model", dtype=torch.float32, kernels=FUSED)
    header = json.loads((run / "tokens" / "held-out.json").read_text(encoding="utf-8"))
    text = open_tokens(run / "tokens" / "held-out.bin", tokenizer_sha256=header["tokenizer_sha256"])
    recorded = {"model": describe(model, text), "perplexities": perplexities(model, text), "times": times}
    document = json.dumps(recorded, indent=2, ensure_ascii=False) + "\n"
    (RECORDED / "quantization.json").write_text(document, encoding="utf-8")
    return 0


def describe(model: Decoder, text: TokenFile) -> dict[str, Any]:
    """What was measured, and on what."""
    maps = sum(map_.weight.numel() for name, map_ in plain_linear_layers(model).items() if name != "head")
    return {
        "weights": sum(weight.numel() for weight in model.parameters()),
        "weights in maps": maps,
        "held out tokens": len(text),
    }


def perplexities(model: Decoder, text: TokenFile) -> list[dict[str, Any]]:
    """The perplexity for each way of storing the linear layers, and the bits that a weight of theirs takes."""

    def measure(name: str, bits: float, change: Callable[[Decoder], object]) -> dict[str, Any]:
        changed = copy.deepcopy(model)
        change(changed)
        found = evaluate(changed, next_token_loss, text, context=model.context_length, batch=32).perplexity
        print(f"{name:40} {bits:7.3f} bits  perplexity {found:.4f}")
        return {"name": name, "bits": bits, "perplexity": found}

    def fast(changed: Decoder, bits: int) -> None:
        quantize_model(changed, bits)
        use_bfloat16_kernels(changed)
        bfloat16_kernels.FEW = sys.maxsize  # the kernel itself is to be judged, also where unpacking would be faster

    rows = [
        measure("float32", 32, lambda changed: None),
        measure("int8", bits_of(model, 8), lambda changed: quantize_model(changed, 8)),
        measure("int8, bfloat16 kernel", bits_of(model, 8), lambda changed: fast(changed, 8)),
        measure("int8, one scale per matrix", 8.0, lambda changed: round_all(changed, 127, lambda weight: weight)),
    ]
    for group in (16, 32, 64):
        name = f"int4, groups of {group}"
        rows.append(measure(name, 4 + 32 / group, lambda changed, g=group: quantize_model(changed, 4, group=g)))
    rows += [
        measure("int4, groups of 32, bfloat16 kernel", 5.0, lambda changed: fast(changed, 4)),
        measure("int4, one scale per row", bits_of(model, 4), lambda changed: round_all(changed, 7, rows_of)),
        measure("int4, one scale per matrix", 4.0, lambda changed: round_all(changed, 7, lambda weight: weight)),
    ]
    return rows


def bits_of(model: Decoder, bits: int) -> float:
    """Bits per weight when each row of the maps has one scale of 32 bits."""
    maps = [map_.weight for name, map_ in plain_linear_layers(model).items() if name != "head"]
    return bits + 32 * sum(len(weight) for weight in maps) / sum(weight.numel() for weight in maps)


def rows_of(weight: Tensor) -> Tensor:
    """What shares a scale when each row has one."""
    return weight.abs().amax(dim=1, keepdim=True)


def round_all(model: nn.Module, largest: int, sharing: Callable[[Tensor], Tensor]) -> None:
    """Round the weights of all maps but the head to steps of the largest number of what shares a scale."""
    for name, map_ in plain_linear_layers(model).items():
        if name != "head":
            shared = sharing(map_.weight.detach())
            scale = (shared if shared.shape[-1] == 1 else shared.abs().max()) / largest
            map_.weight.data.copy_((map_.weight.detach() / scale).round() * scale)


@torch.inference_mode()
def time_products(d_out: int, d_in: int) -> dict[str, Any]:
    """Microseconds of one vector times one weight, one thread, for each way of storing the weight."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(d_out, d_in, generator=generator)
    x = torch.randn(1, d_in, generator=generator)
    eight, four = quantize_int8(weight), quantize_int4(weight, 32)
    packed = pack_int4(*four)
    unpacked = dequantize_int4(*four)
    return {
        "shape": [d_out, d_in],
        "float32": shortest(lambda: F.linear(x, unpacked)),
        "int8_linear": shortest(lambda: int8_linear(x, *eight)),
        "bfloat16_int8_linear": shortest(lambda: bfloat16_int8_linear(x, *eight)),
        "int4_linear": shortest(lambda: int4_linear(x, *four)),
        "bfloat16_int4_linear": shortest(lambda: bfloat16_int4_linear(x, *packed)),
    }


def shortest(product: Callable[[], Tensor]) -> float:
    """The shortest of many runs, in microseconds."""
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        product()
        best = min(best, time.perf_counter() - start)
    return round(best * 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
