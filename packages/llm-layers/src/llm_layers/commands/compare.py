"""`llm-layers compare`: the first tensor that differs between two models, and why."""

import argparse

import torch

from llm_layers.commands.inputs import read_model, read_text
from llm_layers.commands.options import FOREIGN
from llm_layers.config import ModelConfig
from llm_layers.formats.loading import load_config
from llm_layers.inspection.divergence import check_shapes, first_divergence
from llm_layers.inspection.foreign import load_transformers
from llm_layers.inspection.inspected_model import InspectedModel, inspected_model
from llm_layers.inspection.recording import check_text
from llm_layers.inspection.table import divergence_report
from llm_tokenizer.commands.exit_status import DIFFERS, OK
from llm_tokenizer.commands.progress import Progress

SAMPLE = 24  # random ids, the same in every run, where no text is given


def run(options: argparse.Namespace, progress: Progress) -> tuple[str, int]:
    """Return the report, and 1 as the status when the models differ."""
    configs = [load_config(name.removeprefix(FOREIGN)) for name in (options.a, options.b)]
    check_shapes(*configs)
    given = any(source is not None for source in (options.text, options.file, options.ids))
    if not given:
        options.ids = _sample(configs[0])
    ids, labels = read_text(options, options.a.removeprefix(FOREIGN), configs[0])
    if not options.forward_only:
        check_text(ids, 2)
    a, b = (_load(name, config, progress) for name, config in zip((options.a, options.b), configs, strict=True))
    foreign = a.foreign or b.foreign
    for subject in (a, b):  # transformers computes parts of its arithmetic in float32 whatever the weights are
        subject.module.to(torch.float32 if foreign else torch.float64)
    progress(f"running a text of {len(labels)} tokens through both models and comparing every tensor")
    found = first_divergence(a, b, ids, tolerance=options.tolerance, gradients=not options.forward_only)
    lines = [
        f"A: {options.a}",
        f"B: {options.b}",
        f"text: {len(labels)} tokens, in {'float32' if foreign else 'float64'}",
    ]
    if not given:
        lines.append(f"no text was given, using random ids (seed 0): --ids {','.join(map(str, options.ids))}")
    return "\n".join([*lines, divergence_report(found, everything=options.all)]), OK if found.equal else DIFFERS


def _load(name: str, config: ModelConfig, progress: Progress) -> InspectedModel:
    if name.startswith(FOREIGN):
        progress(f"reading {name.removeprefix(FOREIGN)} with transformers")
        return load_transformers(name.removeprefix(FOREIGN))
    model = read_model(name, config, progress)
    return inspected_model(model)


def _sample(config: ModelConfig) -> list[int]:
    """Return ids from all over the vocabulary, the first of them twice: a repeated token shows more."""
    count = max(1, min(SAMPLE, config.context_length) - 1)
    ids = torch.randint(0, config.vocab_size, (count,), generator=torch.Generator().manual_seed(0)).tolist()
    return [*ids, ids[0]][: config.context_length]
