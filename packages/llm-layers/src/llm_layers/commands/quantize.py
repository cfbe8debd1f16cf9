"""`llm-layers quantize`: what fewer bits save, and what they cost in what the model knows."""

import argparse
import copy
import sys
import time
from pathlib import Path

import torch

from llm_layers.commands.convert import check_new, check_vocabulary, check_written, text_ends, tokenizer_beside
from llm_layers.commands.sources import read_model, stored_types
from llm_layers.commands.stages import Stages
from llm_layers.commands.text_options import whole
from llm_layers.config import ModelConfig
from llm_layers.formats.gguf.saving import save_gguf
from llm_layers.formats.huggingface.storage import load_config
from llm_layers.interface import LayersError
from llm_layers.layers.loss import cross_entropy
from llm_layers.layers.quantized_linear import quantize_model, stored_bytes
from llm_layers.model import Decoder
from llm_tokenizer import Tokenizer, TokenizerError
from llm_tokenizer.corpus.text import decode_strictly
from llm_tokenizer.files.gguf_writing import GgufVocabulary

SUMMARY = "what int8 and int4 weights save, and what they cost in perplexity on a text of yours"
EXAMPLES = """examples:
  llm-layers quantize runs/tale/model --text held-out.txt
  llm-layers quantize runs/tale/model --text held-out.txt --out tale.gguf      write the 8-bit weights
  head -c 20000 held-out.txt | llm-layers quantize runs/tale/model --text -    a text from standard input"""
FEW = 1000
"""Below so many tokens a change says little. With SmolLM2-135M on prose, the loss of a token rises by 0.27 with 4 bits
and scatters by 0.90: over 1,000 tokens the mean is known to a tenth of itself, 0.03, over 100 tokens to a third."""
FORMS = {"float32": None, "int8": 8, "int4": 4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    parser.add_argument("model", metavar="MODEL", help="a model folder or a GGUF file, with its tokenizer")
    what = "a file, not the text itself: one that the model has not been trained on; - reads standard input"
    parser.add_argument("--text", metavar="FILE", required=True, help=what)
    parser.add_argument(
        "--tokens", type=whole, default=4096, help="read at most this many of its tokens (default 4096)"
    )
    parser.add_argument("--group", type=whole, default=32, help="weights that share a scale with 4 bits (default 32)")
    parser.add_argument("--out", metavar="FILE.gguf", help="also write the model with 8 bits (Q8_0)")
    parser.add_argument("--replace", action="store_true", help="write over a file of that name")


def run(options: argparse.Namespace, stages: Stages) -> str:
    """Measure every form on the same tokens."""
    if options.tokens < 2:
        raise LayersError(f"--tokens must be at least 2, but was {options.tokens}")
    config = load_config(options.model)
    _check_group(config, options.group)
    if options.out is not None:
        if Path(options.out).suffix.lower() != ".gguf":
            raise LayersError(f"--out must end in .gguf, but was '{options.out}'")
        check_new(Path(options.out), replace=options.replace)
        check_written(config, Path(options.out), to_gguf=True)
    tokenizer, ends = tokenizer_beside(options.model), text_ends(options.model)
    if tokenizer is None:
        raise LayersError(f"'{options.model}' must hold a tokenizer beside the model, but there is none")
    if options.out is not None:
        check_vocabulary(tokenizer, config, ends)
    ids = _read_ids(options.text, tokenizer, options.tokens)
    model = read_model(options.model, config, stages, dtype=torch.float32).eval()
    stored = stored_types(options.model, torch.float32)
    rows = [stored] if stored else []
    rows.append(f"{'weights':<10}{'MiB':>10}{'perplexity':>14}{'change':>10}{'tokens/s':>12}")
    first = 0.0
    for form, bits in FORMS.items():
        stages(f"measuring the weights as {form} on {len(ids):,} tokens")
        candidate = model if bits is None else copy.deepcopy(model)
        if bits is not None:
            quantize_model(candidate, bits, group=options.group)
        started = time.perf_counter()
        perplexity = float(torch.tensor(mean_loss(candidate, ids), dtype=torch.float64).exp())  # inf, not an error
        speed = len(ids) / (time.perf_counter() - started)
        first = first or perplexity
        size = stored_bytes(candidate) / 2**20
        rows.append(f"{form:<10}{size:>10,.2f}{perplexity:>14,.4f}{perplexity / first - 1:>+10.2%}{speed:>12,.0f}")
    if options.out is not None:
        stages(f"writing {Path(options.out).name}")
        save_gguf(model, options.out, tokenizer=tokenizer, dtype="Q8_0", vocabulary=GgufVocabulary(**ends))
        size = Path(options.out).stat().st_size / 2**20
        rows.append(
            f"{options.out}: {size:,.2f} MiB, written with 8 bits in groups of 32 (Q8_0), embedding and head too;\n"
            "sizes and perplexities above are not the file's: there only the maps inside the blocks have fewer bits"
        )
    return "\n".join(rows)


def _read_ids(file: str, tokenizer: Tokenizer, most: int) -> torch.Tensor:
    """Give the first ids of a text, and a warning where they are few."""
    name = "standard input" if file == "-" else f"'{file}'"
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        ids = tokenizer.encode(decode_strictly(data, f"the text in {name}"))[:most]
    except OSError as error:
        reason = error.strerror or error
        raise LayersError(
            f"--text must be a file (or - for standard input), but {name} cannot be read: {reason}"
        ) from None
    except TokenizerError as error:
        raise LayersError(str(error)) from None
    if len(ids) < 2:
        raise LayersError(f"the text in {name} must give at least 2 tokens, but gave {len(ids)}")
    if len(ids) < FEW:
        print(
            f"llm-layers: warning: a change in perplexity says little on {len(ids)} tokens; give at least {FEW:,} "
            "(a longer text, or a larger --tokens)",
            file=sys.stderr,
        )
    return torch.tensor(ids)


def _check_group(config: ModelConfig, group: int) -> None:
    widths = {config.d_model, config.heads * config.d_head} | ({config.d_ff} if config.experts is None else set())
    if group < 1 or any(width % group for width in widths):
        known = ", ".join(map(str, sorted(widths)))
        raise LayersError(f"--group must divide the widths of the model's maps, {known}, but was {group}")


def mean_loss(model: Decoder, ids: torch.Tensor) -> float:
    """Give the mean loss of a text, read in windows of the context length."""
    total, count = 0.0, 0
    with torch.inference_mode():
        for start in range(0, len(ids) - 1, model.context_length):
            piece = ids[start : start + model.context_length + 1]
            total += float(cross_entropy(model(piece[None, :-1]), piece[None, 1:])) * (len(piece) - 1)
            count += len(piece) - 1
    return total / count
