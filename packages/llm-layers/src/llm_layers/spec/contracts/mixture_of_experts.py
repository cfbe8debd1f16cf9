"""What a mixture of experts and the losses of its router must be."""

from llm_tokenizer.conformance import Argument, Contract

_X = Argument("x", "*batch d_model", "vectors along the last axis")
_LOGITS = Argument("logits", "*batch experts", "one score per expert for each token")
_K = Argument("k", None, "how many experts a token uses")
_NORMALISE = Argument("norm_topk_prob", None, "whether the shares of the chosen experts are made to add up to one")
_EXPERTS = (
    Argument("router", "experts d_model", "one direction per expert"),
    Argument("gate", "experts d_expert d_model", "the questions of all experts"),
    Argument("up", "experts d_expert d_model", "the answers of all experts"),
    Argument("down", "experts d_model d_expert", "back to the width of the stream"),
)
_SHARED = (
    Argument("shared_gate", "d_ff d_model", "the questions of the shared expert"),
    Argument("shared_up", "d_ff d_model", "its answers"),
    Argument("shared_down", "d_model d_ff", "back to the width of the stream"),
)
_LOSS = Argument("loss", "", "one number")

TOP_K_ROUTER = Contract(
    id="layers.top_k_router",
    clauses=(
        "The shares are those of a softmax over all experts, of which the k with the largest logits are taken.",
        "With norm_topk_prob they are divided by their sum; without, they stay as they are.",
        "The largest share comes first; of equal logits the expert with the lower number comes first.",
        "The gradient runs through the shares to the logits of all experts, the unchosen ones included where the "
        "shares are not normalised, and through the sum where they are.",
        "Logits of any size give finite shares and gradients.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(_LOGITS, _K, _NORMALISE),
    outputs=(
        Argument("shares", "*batch chosen", "how much each chosen expert counts"),
        Argument("chosen", "*batch chosen", "the numbers of the chosen experts"),
    ),
    gradients=("logits",),
    page="explanation/experts",
)

MIXTURE_OF_EXPERTS = Contract(
    id="layers.mixture_of_experts",
    clauses=(
        "The router's logits are router · x; shares and choice are those of top_k_router.",
        "The result is the sum of the chosen experts' answers, each multiplied by its share.",
        "Without norm_topk_prob the shares add up to less than one, and the result is smaller.",
        "The gradient reaches x through the experts and through the router, and the router through the shares.",
        "Each expert's gradient adds up over all tokens that chose it; an expert that nobody chose has gradient zero.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(_X, *_EXPERTS, _K, _NORMALISE),
    outputs=(Argument("y", "*batch d_model", "the mixed answers"),),
    gradients=("x", "router", "gate", "up", "down"),
    page="explanation/experts",
)

MIXTURE_WITH_SHARED_EXPERT = Contract(
    id="layers.mixture_with_shared_expert",
    clauses=(
        "The result is the mixture of the k chosen experts plus the shared expert's answer to the same x.",
        "The shared expert has no share: it counts in full and takes no place among the k.",
        "The shared expert may be of another width.",
        "The gradient reaches x through the router, the chosen experts and the shared one.",
        "Any number of leading axes, of any length and memory layout, is allowed.",
    ),
    inputs=(_X, *_EXPERTS, *_SHARED, _K, _NORMALISE),
    outputs=(Argument("y", "*batch d_model", "the mixed answers"),),
    gradients=("x", "router", "gate", "up", "down", "shared_gate", "shared_up", "shared_down"),
    page="explanation/experts",
)

LOAD_BALANCING_LOSS = Contract(
    id="layers.load_balancing_loss",
    clauses=(
        "f counts all k choices and is divided by the number of tokens, so f adds up to k.",
        "P is the mean of the softmax over all experts, over all tokens of all leading axes at once.",
        "The sum of f · P is multiplied by the number of experts: evenly spread tokens give k.",
        "The counts f have no slope: the gradient runs through P alone.",
        "Of equal logits the expert with the lower number is counted, as top_k_router chooses.",
        "Logits of any size give a finite loss and gradient.",
        "Without a token the loss is zero; any number of leading axes and any memory layout is allowed.",
    ),
    inputs=(_LOGITS, _K),
    outputs=(_LOSS,),
    gradients=("logits",),
    page="explanation/experts",
)

ROUTER_Z_LOSS = Contract(
    id="layers.router_z_loss",
    clauses=(
        "The natural logarithm of Σ exp over the experts is squared.",
        "The mean runs over all tokens of all leading axes at once; the square comes first.",
        "Logits of any size give a finite loss and gradient.",
        "Without a token the loss is zero; any number of leading axes and any memory layout is allowed.",
    ),
    inputs=(_LOGITS,),
    outputs=(_LOSS,),
    gradients=("logits",),
    page="explanation/experts",
)

CONTRACTS = (
    TOP_K_ROUTER,
    MIXTURE_OF_EXPERTS,
    MIXTURE_WITH_SHARED_EXPERT,
    LOAD_BALANCING_LOSS,
    ROUTER_Z_LOSS,
)
