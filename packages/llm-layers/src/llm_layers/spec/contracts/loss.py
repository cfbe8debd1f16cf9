"""What the losses must be."""

from llm_tokenizer.spec import Argument, Contract

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

CONTRACTS = (CROSS_ENTROPY,)
