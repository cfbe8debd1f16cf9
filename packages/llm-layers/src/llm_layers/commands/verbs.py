"""The verbs of `llm-layers` and their options. What a verb does is in the module of its name, loaded when it runs.

Nothing here imports torch, so that `--help` is quick.
"""

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from llm_layers.commands.options import above_zero, at_least_zero, dtype_name, ids_from, lower, model_name, whole
from llm_tokenizer.commands.exit_status import OK
from llm_tokenizer.commands.parser import Parser
from llm_tokenizer.commands.progress import Progress

MODEL = "a model folder, a run of llm-train, or a .gguf file"


def add_verbs(parser: Parser) -> None:
    """Add every verb but `spec`."""
    _verb(
        parser,
        "describe",
        "every part of a model with its shape and its size",
        "  llm-layers describe runs/shakespeare",
    )
    for add in (_predict, _convert, _quantize, _attention, _lens, _statistics, _compare):
        add(parser)


def _predict(parser: Parser) -> None:
    verb = _verb(
        parser,
        "predict",
        "parameters, FLOPs, memory and the fastest possible decoding, from the shape alone",
        "  llm-layers predict runs/shakespeare\n"
        "  llm-layers predict runs/shakespeare --batch 16 --positions 512 --kernel fused\n"
        "  llm-layers predict runs/shakespeare --bandwidth 900 --bytes 2      a card with 900 GB/s, bfloat16 weights",
    )
    verb.add_argument("--batch", type=whole(1), default=1, help="texts at a time (default 1)")
    verb.add_argument("--positions", type=whole(1), help="tokens of a text (default: the whole context)")
    what = "bytes per element when decoding, in the weights and in the cache (default 4)"
    verb.add_argument("--bytes", type=above_zero, default=4.0, help=what)
    verb.add_argument("--bandwidth", type=above_zero, default=30.0, help="GB/s of the memory (default 30)")
    what = "attention in training (default eager)"
    verb.add_argument("--kernel", type=lower, choices=("eager", "fused"), default="eager", help=what)


def _convert(parser: Parser) -> None:
    verb = _verb(
        parser,
        "convert",
        "convert a model folder to a GGUF file or back, or to another dtype",
        "  llm-layers convert runs/shakespeare plays.gguf                 for llama.cpp and what is built on it\n"
        "  llm-layers convert runs/shakespeare plays.gguf --dtype q8_0    a quarter of the size\n"
        "  llm-layers convert SmolLM2.gguf smollm2                       a folder that transformers reads\n"
        "  llm-layers convert runs/shakespeare half --dtype bfloat16",
        model="source",
    )
    verb.add_argument("target", metavar="TARGET", help="a new folder, or a name that ends with .gguf")
    what = "float32, float16, bfloat16 or, in a .gguf file, q8_0 (default: as it is)"
    verb.add_argument("--dtype", type=dtype_name, help=what)
    verb.add_argument("--replace", action="store_true", help="overwrite an existing target")


def _quantize(parser: Parser) -> None:
    verb = _verb(
        parser,
        "quantize",
        "what int8 and int4 weights save, and what they cost in perplexity on a text of yours",
        "  llm-layers quantize runs/shakespeare --file held-out.txt\n"
        "  llm-layers quantize runs/shakespeare --file held-out.txt --out plays.gguf     write the 8-bit weights\n"
        "  head -c 20000 held-out.txt | llm-layers quantize runs/shakespeare --file -    from standard input",
    )
    _add_text(verb, ids=False)
    verb.add_argument("--tokens", type=whole(2), default=4096, help="read at most this many tokens (default 4096)")
    verb.add_argument("--group", type=whole(1), default=32, help="weights per scale with 4 bits (default 32)")
    verb.add_argument("--out", metavar="FILE.gguf", type=Path, help="also write the model with 8 bits (Q8_0)")
    verb.add_argument("--replace", action="store_true", help="overwrite an existing file")


def _attention(parser: Parser) -> None:
    verb = _verb(
        parser,
        "attention",
        "what each head attends to in a text, as a page, a picture or a table",
        '  llm-layers attention runs/shakespeare --text "The cat sat on the mat" --out maps.html    click on a head\n'
        '  llm-layers attention runs/shakespeare --text "The cat sat" --layer 2 --head 1 --out head.svg\n'
        '  llm-layers attention runs/shakespeare --text "The cat sat" --layer 2                     a table',
    )
    _add_text(verb)
    verb.add_argument("--layer", type=whole(0), help="only this block, from 0; in .html the one that is shown first")
    verb.add_argument("--head", type=whole(0), help="only this head, from 0; in .html the one that is shown first")
    verb.add_argument("--out", type=Path, help="a file to write: .html, .svg or .png")


def _lens(parser: Parser) -> None:
    verb = _verb(
        parser,
        "lens",
        "what a model would predict next if it stopped after each layer",
        '  llm-layers lens runs/shakespeare --text "The cat sat on the"                  a table\n'
        '  llm-layers lens runs/shakespeare --text "The cat sat on the" --position 3     one position in every layer\n'
        '  llm-layers lens runs/shakespeare --text "The cat sat on the" --out lens.html',
    )
    _add_text(verb)
    verb.add_argument("--top", type=whole(0), help="how many tokens to name, with --position or --out (default 5)")
    verb.add_argument("--position", type=whole(0), help="only this position, in every layer")
    verb.add_argument("--out", type=Path, help="an .html file to write")


def _statistics(parser: Parser) -> None:
    verb = _verb(
        parser,
        "statistics",
        "how large outputs and gradients are, layer by layer, with warnings",
        '  llm-layers statistics runs/shakespeare --text "The cat sat on the mat"\n'
        '  llm-layers statistics runs/shakespeare --text "The cat sat on the mat" --all --out sizes.svg',
    )
    _add_text(verb)
    verb.add_argument("--all", action="store_true", help="every tensor, not only the stream and the branches")
    verb.add_argument("--out", type=Path, help="an .svg or .png file to write, besides the table")


def _compare(parser: Parser) -> None:
    verb = _verb(
        parser,
        "compare",
        "the first tensor that differs between two models, by how much, and why",
        "  llm-layers compare runs/shakespeare converted/model\n"
        '  llm-layers compare runs/shakespeare model.gguf --text "The cat sat on the mat"\n'
        "  llm-layers compare runs/shakespeare transformers:runs/shakespeare/model    our code and theirs\n\n"
        "Without --text, --file and --ids both models read random ids (seed 0); the report names them.\n"
        "The exit status is 0 when all agree within the tolerance, 1 when something differs, 2 for a usage error.",
        model=None,
    )
    what = f"{MODEL}; transformers:FOLDER runs it there"
    verb.add_argument("a", metavar="A", type=model_name, help=f"the model that is taken to be right: {what}")
    verb.add_argument("b", metavar="B", type=model_name, help="the model in doubt: the same")
    _add_text(verb, required=False)
    counts = "largest difference that counts as none, as a fraction of the largest value of a tensor"
    default = "1e-7 between models of ours, 1e-4 where transformers takes part"
    verb.add_argument("--tolerance", type=at_least_zero, help=f"{counts} (default {default}; weights must be equal)")
    verb.add_argument("--forward-only", action="store_true", help="leave the gradients out")
    verb.add_argument("--all", action="store_true", help="list every tensor with its difference")


def _verb(parser: Parser, name: str, help: str, examples: str, *, model: str | None = "model") -> Parser:
    def run(options: argparse.Namespace) -> int:
        module: Any = import_module(f"llm_layers.commands.{name}")
        with Progress("llm-layers") as progress:
            outcome = module.run(options, progress)
        text, status = outcome if isinstance(outcome, tuple) else (outcome, OK)
        print(text)
        return int(status)

    verb = parser.add_verb(name, run, help, examples)
    if model is not None:
        verb.add_argument(model, metavar=model.upper(), type=model_name, help=MODEL)
    return verb


def _add_text(verb: Parser, *, required: bool = True, ids: bool = True) -> None:
    source = verb.add_mutually_exclusive_group(required=required)
    source.add_argument("--text", help="the text itself, cut by the model's own tokenizer")
    source.add_argument("--file", help="a file with the text, or - for standard input")
    if ids:
        source.add_argument("--ids", type=ids_from, help="token ids instead of a text: 5,17,3")
