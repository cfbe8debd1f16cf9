"""What a whole decoder must be, for every public family."""

from llm_tokenizer.conformance import Argument, Contract

DECODER = Contract(
    id="layers.decoder",
    function="Decoder",
    clauses=(
        "The logits at a position depend on its token and those before it, never on later ones.",
        "llama: RMSNorm before each part, rotary pairs halved, gated by SiLU; head tied or of its own.",
        "llama with rope_type llama3: fast rotary speeds stay, slow ones are divided by the factor.",
        "mistral: as llama, and a position sees the last sliding_window positions, its own included.",
        "qwen2: as llama, with biases on query, key and value only.",
        "qwen3: as llama, with queries and keys normalised per head before they are turned.",
        "qwen3_moe: as qwen3, with experts; norm_topk_prob says whether the chosen shares are scaled to one.",
        "olmo2: norms on what each part gives back, not on what it reads; queries and keys normalised over all heads.",
        "gemma3_text: norms before and after, gains counted from one, embeddings times the root of the width, gated by "
        "GELU (tanh), scores divided by the root of query_pre_attn_scalar, two kinds of blocks by layer_types.",
        "gpt2: LayerNorm with bias, learned positions, plain GELU (tanh); weights of the blocks stored (in, out), with "
        "query, key and value side by side in one.",
        "A tied table collects the gradients of both its uses.",
    ),
    inputs=(
        Argument("ids", "batch position", "token ids"),
        Argument("settings", None, "the content of config.json, what has no effect left out"),
        Argument("layout", None, "name and shape of each weight, in the order in which they stand in `weights`"),
        Argument("weights", "...", "all weights in one row, each in row-major order"),
    ),
    outputs=(Argument("logits", "batch position vocab", "a score for every token"),),
    gradients=("weights",),
    page="explanation/families",
)

CONTRACTS = (DECODER,)
