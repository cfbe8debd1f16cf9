"""OLMo 2: norms on the output of each part, not on its input; queries and keys normalized over all heads at once."""

from llm_layers.config import OLMO2
from llm_layers.formats.huggingface.architecture import Architecture
from llm_layers.formats.huggingface.llama import (
    ATTENTION,
    DEFAULTS,
    EMBEDDING_AND_HEAD,
    FEED_FORWARD,
    FIELDS,
    QUERY_KEY_NORMS,
)

NORMS_AFTER = {
    "blocks.#.attention_output_norm.gain": "model.layers.#.post_attention_layernorm.weight",
    "blocks.#.feed_forward_output_norm.gain": "model.layers.#.post_feedforward_layernorm.weight",
}

OLMO2_ARCHITECTURE = Architecture(
    design=OLMO2,
    model_type="olmo2",
    class_name="Olmo2ForCausalLM",
    fields=FIELDS,
    defaults=DEFAULTS | {"vocab_size": 50304, "rms_norm_eps": 1e-5},
    fixed={"hidden_act": "silu", "attention_bias": False},
    names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS_AFTER | FEED_FORWARD,
)
