"""What the losses must be."""

from llm_tokenizer.conformance import Argument, Contract

CROSS_ENTROPY = Contract(
    id="layers.cross_entropy",
    clauses=(
        "The loss of a position is the natural logarithm of Σ exp(logits) minus the logit of its target.",
        "The mean runs over all counted targets of all leading axes at once.",
        "A target equal to ignored does not count, neither in the sum nor in the number, and has gradient zero.",
        "When no target counts, loss and gradient are zero.",
        "Logits of any size give a finite loss and gradient.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("logits", "*batch vocab", "one row of scores per target"),
        Argument("targets", "*batch", "ids of the right tokens, or ignored"),
        Argument("ignored", None, "the target that does not count"),
    ),
    outputs=(Argument("loss", "", "one number"),),
    gradients=("logits",),
    page="explanation/loss",
)

SMOOTHED_CROSS_ENTROPY = Contract(
    id="layers.smoothed_cross_entropy",
    clauses=(
        "The target gets 1 - smoothing, and every token of the vocabulary, the target included, smoothing / vocab.",
        "The mean runs over all counted targets of all leading axes at once.",
        "A target equal to ignored counts in neither part, nor in the number, and has gradient zero.",
        "When no target counts, loss and gradient are zero.",
        "With smoothing 0 it is cross_entropy; with smoothing 1 the target does not matter.",
        "Logits of any size give a finite loss and gradient.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        *CROSS_ENTROPY.inputs[:2],
        Argument("smoothing", None, "the part that is spread, from 0 to 1"),
        CROSS_ENTROPY.inputs[2],
    ),
    outputs=CROSS_ENTROPY.outputs,
    gradients=("logits",),
    page="explanation/loss",
)

Z_LOSS = Contract(
    id="layers.z_loss",
    clauses=(
        "The natural logarithm of Σ exp over the vocabulary is squared.",
        "The mean runs over all counted targets of all leading axes at once; the square comes first.",
        "A row whose target is ignored does not count, neither in the sum nor in the number, and has gradient zero.",
        "When no target counts, loss and gradient are zero.",
        "Logits of any size give a finite loss and gradient.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=CROSS_ENTROPY.inputs,
    outputs=CROSS_ENTROPY.outputs,
    gradients=("logits",),
    page="explanation/loss",
)

HEAD_CROSS_ENTROPY = Contract(
    id="layers.linear_cross_entropy",
    clauses=(
        "The loss is cross_entropy(hidden · headᵀ, targets, ignored): no bias, no scale.",
        "The mean runs over all counted targets of all leading axes at once, however the rows are divided up inside.",
        "A target equal to ignored does not count; its hidden state has gradient zero and adds nothing to the head's.",
        "When no target counts, loss and gradients are zero.",
        "The head's gradient adds up over all positions; both gradients are multiplied by the upstream gradient.",
        "Logits of any size give a finite loss and gradients.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(
        Argument("hidden", "*batch d_model", "the states before the head"),
        Argument("head", "vocab d_model", "one direction per token"),
        *CROSS_ENTROPY.inputs[1:],
    ),
    outputs=CROSS_ENTROPY.outputs,
    gradients=("hidden", "head"),
    page="explanation/loss",
)

CONTRACTS = (CROSS_ENTROPY, SMOOTHED_CROSS_ENTROPY, Z_LOSS, HEAD_CROSS_ENTROPY)
