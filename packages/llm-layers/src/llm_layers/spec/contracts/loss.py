"""What the losses must be."""

from llm_tokenizer.conformance import Argument, Contract

CROSS_ENTROPY = Contract(
    id="layers.cross_entropy",
    summary="Give the mean surprise of the targets that count.",
    formula=r"L = \frac{1}{n} \sum_{i\,\mathrm{counted}} \left(\log \sum_j e^{z_{ij}} - z_{i t_i}\right)",
    why="It is minus the logarithm of the probability given to what really came: 0 when certain, ln(vocab) "
    "for an even guess. Its gradient is probabilities minus the one-hot target.",
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
    source="Shannon 1948, A Mathematical Theory of Communication",
)

SMOOTHED_CROSS_ENTROPY = Contract(
    id="layers.smoothed_cross_entropy",
    summary="Give the cross-entropy against targets of which a part is spread over the whole vocabulary.",
    formula=r"L = -\frac{1}{n} \sum_{i\,\mathrm{counted}} \sum_j q_{ij} \log p_{ij}, \quad "
    r"q_{ij} = (1 - s)\,[\,j = t_i\,] + \frac{s}{V}",
    why="A one-hot target can be met only with an infinite logit. With a part of it spread evenly the best answer is "
    "finite.",
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
    source="Szegedy et al. 2015, arXiv:1512.00567",
)

Z_LOSS = Contract(
    id="layers.z_loss",
    summary="Give the mean square of log Σ exp of the logits over the targets that count.",
    formula=r"L = \frac{1}{n} \sum_{i\,\mathrm{counted}} \left(\log \sum_j e^{z_{ij}}\right)^2",
    why="Cross-entropy looks at differences of logits only and does not notice when all of them drift together. This "
    "loss pulls log Σ exp back to zero, where precision is best.",
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
    source="Chowdhery et al. 2022, arXiv:2204.02311, section 5",
)

HEAD_CROSS_ENTROPY = Contract(
    id="layers.linear_cross_entropy",
    summary="Give the cross-entropy of the logits that the head makes of the hidden states.",
    formula=r"L = \frac{1}{n} \sum_{i\,\mathrm{counted}} \left(\log \sum_j e^{z_{ij}} - z_{i t_i}\right), \quad "
    r"z = H W^\top",
    why="The logits are the largest array of a small model, and their gradient needs nothing but themselves: taken "
    "together, head and loss need never hold them all.",
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
    source="Wijmans et al. 2024, arXiv:2411.09009",
)

CONTRACTS = (CROSS_ENTROPY, SMOOTHED_CROSS_ENTROPY, Z_LOSS, HEAD_CROSS_ENTROPY)
