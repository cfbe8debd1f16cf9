"""The console command `llm-layers`: look at a model folder, run the specification."""

import argparse
import os
import sys
from collections.abc import Sequence

from torch import nn

from llm_layers import __version__
from llm_layers.accounting import cache_bytes, parameter_count, training_flops_per_token
from llm_layers.errors import LayersError
from llm_layers.storage import load_model

EXAMPLES = """examples:
  llm-layers describe runs/tale/model       every part of a model with its shape and its size
  llm-layers spec                           put this package on trial before its specification
  llm-layers spec my_layers -k attention    put your own module on trial, one contract only
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status: 0 fine, 1 the specification is not met, 2 a mistake in the call."""
    options = sys.argv[1:] if arguments is None else list(arguments)
    if options[:1] == ["spec"]:  # its options are the specification's own
        from llm_layers.spec import SPECIFICATION
        from llm_tokenizer.spec.command import main as put_on_trial

        return put_on_trial(SPECIFICATION, options[1:])
    parsed = _parser().parse_args(options)
    try:
        print(_describe(parsed.model))
        sys.stdout.flush()
    except LayersError as error:
        print(f"llm-layers: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("llm-layers: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="llm-layers",
        description="Look at a model folder, or put layers on trial before the specification.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"llm-layers {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    describe = verbs.add_parser(
        "describe",
        help="every part of a model with its shape and its size",
        epilog="example:\n  llm-layers describe runs/tale/model",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    describe.add_argument("model", metavar="MODEL", help="a model folder (config.json, model.safetensors)")
    verbs.add_parser("spec", help="run the specification; `llm-layers spec --help` says how", add_help=False)
    return parser


def _describe(folder: str) -> str:
    """Draw the model in a folder as a tree with shapes and parameter counts."""
    model = load_model(folder)
    config, tied = model.config, model.head is None
    dtype = str(model.embedding.table.dtype).removeprefix("torch.")
    context = config.context_length
    lines = [
        f"{folder}: {parameter_count(config):,} parameters in {dtype}, "
        f"{parameter_count(config, embeddings=False):,} without embeddings",
        *_tree(model),
        f"head: {'the embedding table (tied)' if tied else 'a weight of its own'}",
        f"context: {context:,} positions; a full cache takes {cache_bytes(config, context) / 2**20:,.1f} MiB (float32)",
        f"training: {training_flops_per_token(config, context) / 1e6:,.1f} million operations a token at full context",
    ]
    return "\n".join(lines)


def _tree(model: nn.Module) -> list[str]:
    def rows(module: nn.Module, indent: str) -> list[str]:
        found: list[str] = []
        for name, weight in module.named_parameters(recurse=False):
            found.append(f"{f'{indent}{name}':<34}{' × '.join(map(str, weight.shape)):>16}{weight.numel():>16,}")
        for name, child in module.named_children():
            size = sum(weight.numel() for weight in child.parameters())
            if len(list(child.parameters())) == 1:  # a part with one weight takes one line
                shape = " × ".join(map(str, next(child.parameters()).shape))
                found.append(f"{f'{indent}{name}':<34}{shape:>16}{size:>16,}")
            else:
                found.append(f"{f'{indent}{name}':<34}{'':>16}{size:>16,}")
                found += rows(child, indent + "  ")
        return found

    return rows(model, "  ")
