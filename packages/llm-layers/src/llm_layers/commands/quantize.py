"""`llm-layers quantize`: what fewer bits save, and what they cost in perplexity."""

import argparse
import copy
import sys

import torch

from llm_layers.commands.inputs import check_tokenizer, read_model, stored_types, text_of, tokenizer_beside
from llm_layers.commands.outputs import check_model, check_new
from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.saving import save_gguf
from llm_layers.formats.loading import load_config, text_ends
from llm_layers.inspection.text import encoded
from llm_layers.interface import LayersError
from llm_layers.layers.loss import cross_entropy
from llm_layers.layers.quantized_linear import quantize_model, stored_bytes
from llm_layers.model import Decoder
from llm_tokenizer import Tokenizer
from llm_tokenizer.commands.progress import Progress
from llm_tokenizer.files.gguf_writing import GgufVocabulary

FEW = 1000
"""Below so many tokens a change means little. With SmolLM2-135M on prose, the loss of a token rises by 0.27 with 4 bits
and scatters by 0.90: over 1,000 tokens the mean is known to a tenth of itself, 0.03, over 100 tokens to a third."""
FORMS = {"float32": None, "int8": 8, "int4": 4}


def run(options: argparse.Namespace, progress: Progress) -> str:
    """Measure every form on the same tokens."""
    config = load_config(options.model)
    _check_group(config, options.group)
    if options.out is not None:
        if options.out.suffix.lower() != ".gguf":
            raise LayersError(f"--out must end in .gguf, but was '{options.out}'")
        check_new(options.out, replace=options.replace)
        check_model(config, options.out)
        inner = config.d_ff if config.experts is None else config.experts.d_expert
        if odd := [width for width in (config.d_model, config.heads * config.d_head, inner) if width % 32]:
            raise LayersError(f"--out needs rows of a multiple of 32, but the model has rows of {odd[0]}: leave it out")
    tokenizer = tokenizer_beside(options.model)
    ends = text_ends(options.model, tokenizer)
    if tokenizer is None:
        raise LayersError(f"'{options.model}' must hold a tokenizer beside the model, but there is none")
    if options.out is not None:
        check_tokenizer(tokenizer, config, ends)
    ids = _read_ids(options, tokenizer)
    model = read_model(options.model, config, progress, dtype=torch.float32).eval()
    stored = stored_types(options.model, torch.float32)
    rows = [stored] if stored else []
    rows.append(f"{'weights':<10}{'MiB':>10}{'perplexity':>14}{'change':>10}")
    first = 0.0
    for form, bits in FORMS.items():
        progress(f"measuring the weights as {form} on {len(ids):,} tokens")
        candidate = model if bits is None else copy.deepcopy(model)
        if bits is not None:
            quantize_model(candidate, bits, group=options.group if bits == 4 else None)
        perplexity = float(torch.tensor(mean_loss(candidate, ids), dtype=torch.float64).exp())  # inf, not an error
        first = first or perplexity
        size = stored_bytes(candidate) / 2**20
        rows.append(f"{form:<10}{size:>10,.2f}{perplexity:>14,.4f}{perplexity / first - 1:>+10.2%}")
    rows.append("quantized are the linear layers inside the blocks; embedding, head and norms keep float32")
    if options.out is not None:
        progress(f"writing {options.out.name}")
        save_gguf(model, options.out, tokenizer=tokenizer, dtype="Q8_0", vocabulary=GgufVocabulary(**ends))
        size = options.out.stat().st_size / 2**20
        rows.append(
            f"{options.out}: {size:,.2f} MiB, written with 8 bits in groups of 32 (Q8_0), embedding and head too,\n"
            "so its size and its perplexity are not those above"
        )
    return "\n".join(rows)


def _read_ids(options: argparse.Namespace, tokenizer: Tokenizer) -> torch.Tensor:
    """Return the first ids of the text, with a warning where they are few."""
    ids = encoded(text_of(options) or "", tokenizer)[: options.tokens]
    if len(ids) < 2:
        raise LayersError(f"the text must have at least 2 tokens, but has {len(ids)}: use a longer one")
    if len(ids) < FEW:
        print(
            f"llm-layers: warning: perplexity means little on {len(ids)} tokens; use at least {FEW:,} "
            "(a longer text, or a larger --tokens)",
            file=sys.stderr,
        )
    return torch.tensor(ids)


def _check_group(config: ModelConfig, group: int) -> None:
    widths = {config.d_model, config.heads * config.d_head} | ({config.d_ff} if config.experts is None else set())
    if any(width % group for width in widths):
        known = ", ".join(map(str, sorted(widths)))
        raise LayersError(f"--group must divide the input widths of the linear layers, {known}, but was {group}")


def mean_loss(model: Decoder, ids: torch.Tensor) -> float:
    """Return the mean loss of a text, read in chunks of the context length."""
    total, count = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(ids) - 1, model.context_length):
            chunk = ids[start : start + model.context_length + 1]
            total += float(cross_entropy(model(chunk[None, :-1]), chunk[None, 1:])) * (len(chunk) - 1)
            count += len(chunk) - 1
    return total / count
