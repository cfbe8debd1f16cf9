"""The end of a run: the last validation, the model folder, a sample, the results and their page."""

import math
import shutil
from pathlib import Path
from typing import Any

from llm_layers import parameter_count
from llm_tokenizer.files.writing import atomic_path, write_json
from llm_train.checkpoints.folders import folder_name
from llm_train.checkpoints.record import PUBLIC
from llm_train.checkpoints.saving import MODEL
from llm_train.evaluation import Evaluation
from llm_train.reports.history import load_history
from llm_train.reports.run_report import write_report
from llm_train.runs.logs import Logs
from llm_train.runs.memory import peak_memory
from llm_train.stages.training_run import TrainingRun


def finish(training: TrainingRun, logs: Logs) -> dict[str, Any]:
    """Evaluate the model on all held-out text, write the model, a sample, the results and their page."""
    run, reporter, steps = training.run, training.reporter, training.plan.steps
    with reporter.stage("validation") as stage:
        result = training.validate(logs, steps, None)
        stage.report = f"loss {result.loss:.4f}, {result.bits_per_byte:.4f} bits per byte on all held-out text"
    with reporter.stage("save model") as stage:
        in_parts = not (run.checkpoints_folder / folder_name(steps) / MODEL).exists()
        if in_parts:
            stage.report = "none for other tools: the checkpoint is in parts (compute.checkpoint_format)"
        elif training.layout.names == PUBLIC:
            names = [*(name for name in training.layout.files if name != "config.json"), MODEL, "config.json"]
            if training.place.first:
                copy_files(run.checkpoints_folder / folder_name(steps), run.model_folder, names)
            stage.report = f"{run.model_folder} in the Hugging Face layout"
        else:
            stage.report = f"none for other tools: {training.layout.reason}; the checkpoint holds it"
        text = training.sample(steps)
    results = training.place.once(lambda: _write_results(training, result, text))
    logs.finish(results)
    return results


def _write_results(training: TrainingRun, result: Evaluation, text: str) -> dict[str, Any]:
    results = _results(training, result, text)
    with training.reporter.stage("report") as stage:
        stage.report = str(write_report(training.run, results))
    write_json(training.run.results_file, results)  # last: from now on the run counts as finished
    return results


def copy_files(source: Path, target: Path, names: list[str]) -> None:
    """Copy the model's files out of a checkpoint, in this order; each appears whole."""
    target.mkdir(exist_ok=True)
    for name in names:
        with atomic_path(target / name) as unfinished:
            shutil.copyfile(source / name, unfinished)


def _results(training: TrainingRun, result: Evaluation, text: str) -> dict[str, Any]:
    reporter, speed = training.reporter, training.progress.tokens_per_second
    flops = load_history(training.run).updates[-1]["flops"]
    share = training.recorder.share_of_peak(flops / max(training.progress.seconds, 1e-9))
    measured = {"peak_memory_bytes": peak_memory(), "model_flops_utilization": share}
    return {
        "validation_loss": result.loss,
        "bits_per_byte": result.bits_per_byte,
        "perplexity": result.perplexity if math.isfinite(result.perplexity) else None,  # JSON has no infinity
        "steps": training.plan.steps,
        "tokens": training.progress.tokens,
        "tokens_per_second": speed,
        **{name: value for name, value in measured.items() if value is not None},
        "parameters": parameter_count(training.model.config),
        "flops": flops,
        "precision": training.recipe.compute.precision,
        "seconds": reporter.elapsed,
        "seconds_by_stage": reporter.seconds | {"training": training.progress.seconds},
        "resumed_at": training.start,
        "sample": text,
        "sample_prompt": training.recipe.report.sample_prompt,
        "prompt": training.prepared.prompt,
    }
