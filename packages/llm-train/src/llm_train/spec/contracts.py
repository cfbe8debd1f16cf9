"""What the parts of llm-train must be."""

from llm_tokenizer.conformance import Argument, Contract

ADAMW = Contract(
    id="train.adamw",
    function="adamw_update",
    clauses=(
        "Both moments start at zero and are running means: β times the old one plus 1 − β times the gradient, "
        "or its square.",
        "Both moments are divided by 1 − β^t before they are used, where the first step has t = 1.",
        "The step is the learning rate times the corrected first moment, over the root of the corrected second moment "
        "plus epsilon; epsilon is outside the root.",
        "Weight decay is decoupled: learning rate times weight decay times the parameter as it was before the step is "
        "subtracted, and it enters no moment.",
        "The moments are kept from step to step; gradients of zero let them fade but do not reset them.",
    ),
    inputs=(
        Argument("parameter", "weights", "the numbers before the first step"),
        Argument("gradients", "steps weights", "one gradient for each step, in order"),
        Argument("learning_rate", None, "η"),
        Argument("beta1", None, "how slowly the mean forgets"),
        Argument("beta2", None, "how slowly the mean square forgets"),
        Argument("eps", None, "ε, added to the root"),
        Argument("weight_decay", None, "λ, the share of itself that a number loses for each unit of learning rate"),
    ),
    outputs=(Argument("parameters", "steps weights", "the numbers after each step"),),
    page="explanation/optimization",
)

WARMUP_COSINE = Contract(
    id="train.warmup_cosine",
    clauses=(
        "Steps count from 0. Step s of the warm-up has the rate peak · (s + 1) / warmup_steps: the first step already "
        "moves, and the last step of the warm-up has the peak.",
        "From the end of the warm-up to total_steps the rate falls from the peak to the floor along half a cosine.",
        "From total_steps on, the rate is the floor.",
        "With no warm-up, step 0 has the peak.",
    ),
    inputs=(
        Argument("step", None, "s, from 0"),
        Argument("peak", None, "the highest rate"),
        Argument("floor", None, "the last rate"),
        Argument("warmup_steps", None, "w"),
        Argument("total_steps", None, "T, more than w"),
    ),
    outputs=(Argument("rate", None, "η(s)"),),
    page="explanation/optimization",
)

CLIP_GRADIENTS = Contract(
    id="train.clip_gradients",
    clauses=(
        "The norm is the root of the sum of all squares of all gradients together, before any clipping.",
        "Where the norm is above the limit, every gradient is multiplied by limit / norm.",
        "Where the norm is at or below the limit, nothing changes.",
        "Gradients of zero stay zero.",
    ),
    inputs=(
        Argument("first", "*batch weights", "one gradient"),
        Argument("second", "weights", "another"),
        Argument("limit", None, "c, the longest norm that is left alone"),
    ),
    outputs=(
        Argument("first", "*batch weights", "the first gradient, clipped"),
        Argument("second", "weights", "the second gradient, clipped"),
        Argument("norm", "", "n, before clipping"),
    ),
    page="explanation/optimization",
)

CONTRACTS = (ADAMW, WARMUP_COSINE, CLIP_GRADIENTS)
