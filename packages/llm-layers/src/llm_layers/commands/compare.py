"""`llm-layers compare`: the first tensor in which two models part, and why."""

import argparse
from math import isfinite

import torch

from llm_layers.commands.sources import read_model
from llm_layers.commands.stages import Stages
from llm_layers.commands.text_options import add_text_arguments, check_two, read_text
from llm_layers.config import ModelConfig
from llm_layers.formats.huggingface.storage import load_config
from llm_layers.inspection.divergence import check_shapes, first_divergence
from llm_layers.inspection.foreign import load_transformers
from llm_layers.inspection.inspected_model import InspectedModel, inspected_model
from llm_layers.inspection.table import divergence_report

SUMMARY = "the first tensor in which two models part, by how much, and why"
EXAMPLES = """examples:
  llm-layers compare runs/tale/model converted/model
  llm-layers compare runs/tale/model model.gguf --text "The cat sat on the mat"
  llm-layers compare runs/tale/model transformers:runs/tale/model     our code beside that of transformers

Without --text and --ids both models read ids that were drawn by chance, the same in every run; the report names them.
The exit status is 0 when all agree within the tolerance, 1 when something differs, 2 for a mistake in the call."""
FOREIGN = "transformers:"
SAMPLE = 24  # ids drawn by chance, the same in every run, where no text is given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    what = "a model folder, a .gguf file, or transformers:FOLDER to run it there"
    parser.add_argument("a", metavar="A", help=f"the model that is taken to be right: {what}")
    parser.add_argument("b", metavar="B", help="the model in doubt: the same")
    add_text_arguments(parser, required=False)
    counts = "largest difference that counts as none, as a share of the largest number of a tensor"
    default = "1e-7 between models of ours, 1e-4 where transformers takes part"
    parser.add_argument("--tolerance", type=_share, help=f"{counts} (default {default}; weights must be the same)")
    parser.add_argument("--forward-only", action="store_true", help="leave the gradients out")
    parser.add_argument("--all", action="store_true", help="list every tensor with its difference")


def run(options: argparse.Namespace, stages: Stages) -> tuple[str, int]:
    """Give the report, and 1 as status when the models differ."""
    configs = [load_config(name.removeprefix(FOREIGN)) for name in (options.a, options.b)]
    check_shapes(*configs)
    given = options.text is not None or options.ids is not None
    if not given:
        options.ids = _sample(configs[0])
    ids, labels = read_text(options, options.a.removeprefix(FOREIGN), configs[0])
    if not options.forward_only:
        check_two(labels)
    a, b = (_load(name, config, stages) for name, config in zip((options.a, options.b), configs, strict=True))
    foreign = a.foreign or b.foreign
    for subject in (a, b):  # transformers works out parts of its arithmetic in float32 whatever the weights are
        subject.module.to(torch.float32 if foreign else torch.float64)
    stages(f"running a text of {len(labels)} tokens through both models and comparing every tensor")
    found = first_divergence(a, b, ids, tolerance=options.tolerance, gradients=not options.forward_only)
    lines = [
        f"A: {options.a}",
        f"B: {options.b}",
        f"text: {len(labels)} tokens, in {'float32' if foreign else 'float64'}",
    ]
    if not given:
        lines.append(f"no text was given; these ids were drawn by chance: --ids {','.join(map(str, options.ids))}")
    return "\n".join([*lines, divergence_report(found, everything=options.all)]), 0 if found.equal else 1


def _load(name: str, config: ModelConfig, stages: Stages) -> InspectedModel:
    if name.startswith(FOREIGN):
        stages(f"reading {name.removeprefix(FOREIGN)} with transformers")
        return load_transformers(name.removeprefix(FOREIGN))
    model = read_model(name, config, stages)
    return inspected_model(model)


def _sample(config: ModelConfig) -> list[int]:
    """Give ids from all over the vocabulary, the first of them twice: a token that comes again shows more."""
    count = min(SAMPLE, config.context_length) - 1
    ids = torch.randint(0, config.vocab_size, (count,), generator=torch.Generator().manual_seed(0)).tolist()
    return [*ids, ids[0]]


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not (isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"must be a number of at least 0, but was {text!r}")
    return number
