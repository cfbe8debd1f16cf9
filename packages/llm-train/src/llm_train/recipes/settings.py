"""The settings of a run, one class per table of a recipe: each field with its default, its limits and its help."""

from dataclasses import dataclass, fields
from itertools import pairwise

from llm_train.interface import TrainError
from llm_train.recipes.fields import Section, setting

DESIGNS = ("gpt2", "llama", "mistral", "qwen2", "qwen3", "olmo2", "gemma3")
"""Families of llm-layers without experts; listed here so that `--help` does not wait for torch."""
MOST_DOUBLINGS = 20
"""Of the batch: it is then a million times as large."""


@dataclass(frozen=True, kw_only=True)
class DataSettings(Section):
    """Where the text comes from, and which part of it is for validation."""

    corpus: str | tuple[str, ...] = setting(
        '"shakespeare", or one or more paths: text files, JSON lines (.jsonl), folders of them, globs; .gz of each'
    )
    field: str = setting("JSON lines: the field that holds the text; meta.text looks into an object", default="text")
    separator: str = setting('text files: the line between two documents, such as "<|endoftext|>"', default="")
    held_out: tuple[str, ...] = setting(
        "names of the plays, or of files without their suffix, for validation; [], in Python (): about the last tenth "
        "of the text", default=(),
    )  # fmt: skip
    windows: str = setting(
        "how documents become windows: stream joins all of them and cuts anywhere; packed keeps each whole, and cuts "
        "only those that are longer than a window", "stream", "packed", default="stream",
    )  # fmt: skip
    mask_documents: bool = setting("no attention, and no prediction, from one document to another", default=False)


@dataclass(frozen=True, kw_only=True)
class TokenizerSettings(Section):
    """Where the tokenizer comes from: trained on the training text, one token a character or a byte, or a folder."""

    kind: str = setting("which tokenizer", "bpe", "char", "byte", "folder", default="bpe")
    vocab_size: int | None = setting(
        "vocabulary size, special tokens included; absent: 2048 for a bpe that is trained, else what there is",
        at_least=2, default=None,
    )  # fmt: skip
    pattern: str = setting("bpe: name of the split pattern", default="gpt2")
    sample_characters: int = setting(
        "bpe: train it on at most this many characters, spread evenly over the text",
        at_least=1000, at_most=10**12, default=200_000_000,
    )  # fmt: skip
    path: str = setting("folder: a tokenizer.json, or a folder with one", default="")


@dataclass(frozen=True, kw_only=True)
class ModelSettings(Section):
    """The shape of the decoder, and which variant of each part it is built from."""

    design: str = setting(
        "family whose parts the model is built from; qwen3 loads everywhere", *DESIGNS, default="qwen3"
    )
    d_model: int = setting("width of the residual stream", at_least=1, default=192)
    layers: int = setting("transformer blocks", at_least=1, default=4)
    heads: int = setting("query heads", at_least=1, default=3)
    kv_heads: int = setting("key/value heads; divides heads", at_least=1, default=3)
    d_head: int = setting("width of a head; 64 or 128 loads everywhere", at_least=2, default=64)
    d_ff: int = setting("hidden width of the feed-forward layer", at_least=1, default=512)
    context_length: int = setting("tokens that the model can attend to", at_least=2, default=128)
    rope_base: float = setting("base of the rotary frequencies (rope_theta)", above=0, at_most=1e12, default=10000.0)
    tied_embeddings: bool = setting("use the embedding table as the output head", default=False)
    dropout: float = setting(
        "dropout probability, after the embedding and after each attention and feed-forward layer", at_least=0,
        below=1, default=0.0,
    )  # fmt: skip
    initialization: str = setting(
        "of the weights: default starts output projections and head at zero, other matrices truncated normal; gpt2 as "
        "GPT-2; normal one deviation for all; truncated as default, but with no matrix at zero", "default", "gpt2",
        "normal", "truncated", default="default",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings(Section):
    """Which optimizer updates which weights, and its learning rates."""

    matrix_optimizer: str = setting("for the matrices of the blocks", "muon", "adamw", "sgd", default="muon")
    other_optimizer: str = setting("for all other weights", "adamw", "sgd", default="adamw")
    matrix_lr: float = setting("peak learning rate of those matrices", above=0, at_most=1000, default=0.02)
    embedding_lr: float = setting("peak learning rate of the embedding table", above=0, at_most=1000, default=0.1)
    head_lr: float = setting("peak learning rate of the output head", above=0, at_most=1000, default=0.02)
    norm_lr: float = setting("peak learning rate of norm gains and biases", above=0, at_most=1000, default=0.02)
    momentum: float = setting("Muon, SGD: decay of the momentum buffer", at_least=0, below=1, default=0.9)
    beta1: float = setting("AdamW: decay of the moving average of the gradient", at_least=0, below=1, default=0.9)
    beta2: float = setting(
        "AdamW: decay of the moving average of the squared gradient", at_least=0, below=1, default=0.95
    )
    eps: float = setting("AdamW: added to the root mean square", above=0, at_most=1000, default=1e-8)
    weight_decay: float = setting(
        "decay of the matrices per step, times the learning rate", at_least=0, at_most=1000, default=0.0
    )
    embedding_decay: float = setting("the same of the embedding table", at_least=0, at_most=1000, default=0.0)
    head_decay: float = setting(
        "the same of the output head; gains and biases have none", at_least=0, at_most=1000, default=0.0
    )
    clip: float = setting(
        "gradient clipping: largest norm of all gradients together", above=0, at_most=1e30, default=1.0
    )
    average: float | None = setting(
        "decay of a moving average of the weights (EMA), which is then evaluated and saved; absent: none", at_least=0,
        below=1, default=None,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings(Section):
    """How the learning rates rise and fall, and how the batch and its rows grow: pure functions of the step."""

    shape: str = setting("curve after the warm-up", "constant", "linear", "cosine", "wsd", default="wsd")
    warmup_steps: int = setting("steps of linear warm-up", at_least=0, default=10)
    decay: float = setting("wsd: last fraction of the steps, in which the rate falls", above=0, at_most=1, default=0.6)
    floor: float = setting("lowest rate at the end, as a fraction of the peak", at_least=0, at_most=1, default=0.0)
    batch_doublings: tuple[float, ...] = setting(
        "when the batch doubles, by twice as many passes per update: fractions of the steps, such as [0.25, 0.5]",
        above=0, below=1, default=(),
    )  # fmt: skip
    first_length: int | None = setting(
        "sequence length of the first step, in tokens; it grows linearly to context_length; absent: context_length "
        "from the start", at_least=1, default=None,
    )  # fmt: skip
    length_growth: float = setting(
        "first_length: fraction of the steps after which the length is context_length", above=0, at_most=1, default=0.5
    )
    length_multiple: int = setting(
        "first_length: the length grows by multiples of this many tokens", at_least=1, default=64
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.batch_doublings
        if len(given) > MOST_DOUBLINGS or any(later <= earlier for earlier, later in pairwise(given)):
            raise TrainError(
                f"schedule.batch_doublings must be at most {MOST_DOUBLINGS} fractions of the steps, each above the one "
                f"before it, was {list(given)}"
            )


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Section):
    """How much is computed, and how."""

    minutes: float | None = setting(
        "wall time of the whole command; absent: what the steps take; given: how many steps fit is measured", above=0,
        default=None,
    )  # fmt: skip
    steps: int | None = setting("updates; absent: as many as fit into minutes", at_least=1, default=None)
    batch: int = setting(
        "windows of context_length tokens per process and pass (forward and backward)", at_least=1, default=16
    )
    accumulate: int = setting("passes of the first update, per process (gradient accumulation)", at_least=1, default=1)
    seed: int = setting("of the initial weights and the order of the data", at_least=0, below=2**63, default=1)


@dataclass(frozen=True, kw_only=True)
class ComputeSettings(Section):
    """What the numbers are computed with. Everything but the precision changes them by rounding only."""

    device: str = setting('"cpu", "cuda", "mps"; auto: an accelerator where there is one', default="auto")
    precision: str = setting(
        "dtype of the passes; weights stay float32; auto: float32 or bfloat16, whichever is measured to be faster",
        "auto", "float32", "bfloat16", "float16", default="auto",
    )  # fmt: skip
    threads: int | None = setting(
        "CPU threads that split each batch; absent: one per core, at most batch / 4", at_least=1, default=None
    )
    compile: str = setting(
        "compile the model with torch.compile; auto: if that makes the whole run faster", "auto", "yes", "no",
        default="auto",
    )  # fmt: skip
    kernels: str = setting(
        "how the layers are computed: eager, in plain, readable PyTorch; fused, with torch's fused attention, for a "
        "GPU or a long context; fast, for a CPU on which torch.compile cannot be used", "eager", "fused", "fast",
        default="eager",
    )  # fmt: skip
    parallel: str = setting(
        "on several processes: each holds all weights (ddp) or a part of each (fsdp)", "ddp", "fsdp", default="ddp"
    )
    processes: int | None = setting(
        "the first update has accumulate times this many passes, even if another number of processes shares them; "
        "absent: as many as are started",
        at_least=1, default=None,
    )  # fmt: skip
    checkpoint_format: str = setting(
        "with fsdp: checkpoints are model folders (whole), or each process writes its parts, for a model that none "
        "can hold", "whole", "parts", default="whole",
    )  # fmt: skip
    parts: tuple[str, ...] = setting(
        "Python files with functions of your own in place of ours; the run adds to each @ and the beginning of its "
        "SHA-256, and does not resume with a file that has changed", default=(),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ReportSettings(Section):
    """Validation, sampling and checkpoint intervals."""

    validations: int = setting(
        "short validations during the training, evenly spread", at_least=0, at_most=1_000_000, default=10
    )
    validation_windows: int = setting("windows of each short validation; the last reads all", at_least=1, default=64)
    samples: int = setting("samples during the training, evenly spread", at_least=0, at_most=1_000_000, default=4)
    sample_tokens: int = setting("tokens of a sample", at_least=1, default=200)
    sample_prompt: str = setting(
        'text that the samples continue, such as "Chapter 1\\n"; a line break where --corpus takes the place of a '
        "shipped recipe's text", default="\n",
    )  # fmt: skip
    checkpoints: int = setting(
        "checkpoints during the training, evenly spread; the last step is always saved", at_least=0, at_most=1_000_000,
        default=3,
    )  # fmt: skip
    checkpoint_minutes: float = setting(
        "also save when the last checkpoint is this many minutes old", above=0, default=10.0
    )
    keep: int = setting("newest checkpoints that are kept", at_least=2, default=2)
    keep_every: int | None = setting(
        "also save, and never delete, a checkpoint at each multiple of this many steps; absent: none", at_least=1,
        default=None,
    )  # fmt: skip
    keep_best: bool = setting(
        "also save a checkpoint before each validation, and keep the one with the lowest loss", default=False
    )
    trackers: tuple[str, ...] = setting(
        'programs that draw the measurements as they come: "tensorboard", "trackio"', default=()
    )
    update_ratios: int = setting(
        "updates whose size relative to the weights is measured, evenly spread", at_least=0, at_most=1_000_000,
        default=50,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            self.sample_prompt.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TrainError(
                f"report.sample_prompt must be UTF-8, was {self.sample_prompt!r}: character {error.start} is no text"
            ) from None


SECTIONS: dict[str, type[Section]] = {
    "data": DataSettings, "tokenizer": TokenizerSettings, "model": ModelSettings, "optimizer": OptimizerSettings,
    "schedule": ScheduleSettings, "training": TrainingSettings, "compute": ComputeSettings,
    "report": ReportSettings,
}  # fmt: skip
SECTION_OF: dict[str, str] = {entry.name: name for name, kind in SECTIONS.items() for entry in fields(kind)}
"""The section of each field. No two sections have a field of the same name, so `--set steps=100` is enough."""
