"""What the parts of llm-train must be."""

from llm_tokenizer.conformance import Argument, Contract

ADAMW = Contract(
    id="train.adamw",
    summary="AdamW: each number steps by its mean gradient over its root mean square gradient.",
    formula=r"""\begin{aligned}
m_t &= \beta_1 m_{t-1} + (1-\beta_1)\, g_t \qquad v_t = \beta_2 v_{t-1} + (1-\beta_2)\, g_t^2 \\
\theta_t &= \theta_{t-1} - \eta \lambda \theta_{t-1}
- \eta\, \frac{m_t/(1-\beta_1^t)}{\sqrt{v_t/(1-\beta_2^t)} + \epsilon}
\end{aligned}""",
    why=(
        "Gradients of different weights differ by orders of magnitude, so one learning rate cannot fit all. Dividing a "
        "smoothed gradient by its own typical size makes every weight move by about the learning rate, whatever the "
        "scale of the loss. The moments start at zero and would be too small at first; dividing by 1 − β^t undoes "
        "exactly that. Weight decay stands outside: inside the gradient it would be divided by the spread as well, and "
        "weights with large gradients would hardly decay."
    ),
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
    source='Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019); Kingma and Ba, "Adam" (2015)',
)

WARMUP_COSINE = Contract(
    id="train.warmup_cosine",
    summary="The learning rate of a step: a straight line up, then half a cosine down.",
    formula=r"""\eta(s) = \begin{cases}
\eta_{\max}\,\frac{s+1}{w} & s < w \\[2pt]
\eta_{\min} + \tfrac12 (\eta_{\max}-\eta_{\min})\left(1+\cos \pi\,\frac{s-w}{T-w}\right) & w \le s < T \\[2pt]
\eta_{\min} & s \ge T
\end{cases}""",
    why=(
        "At first the moments of the optimizer are guesses from a handful of gradients, and large steps in a wrong "
        "direction cost many steps to undo: start small. Later, large steps bounce across the valley that they look "
        "for: end small. The rate is a function of the step alone, so a resumed run has nothing to restore and "
        "nothing to get wrong."
    ),
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
    source='Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts" (2017)',
)

CLIP_GRADIENTS = Contract(
    id="train.clip_gradients",
    summary="Shorten all gradients together where their joint norm is above a limit.",
    formula=r"n = \sqrt{\textstyle\sum_i g_i^2}, \qquad g \leftarrow g \cdot \min\!\left(1, \tfrac{c}{n}\right)",
    why=(
        "One odd batch can give a gradient a hundred times as long as usual, and a step of that length throws away "
        "what a thousand steps have learned. The norm is that of all gradients together, and all are multiplied by "
        "the same number: the step gets shorter and keeps its direction."
    ),
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
    source='Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013)',
)

CONTRACTS = (ADAMW, WARMUP_COSINE, CLIP_GRADIENTS)
