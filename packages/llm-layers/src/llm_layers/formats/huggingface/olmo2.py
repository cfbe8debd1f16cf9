"""OLMo 2: norms on what each part gives back, not on what it reads; queries and keys normalised over all heads."""

from llm_layers.config import OLMO2
from llm_layers.formats.huggingface.architecture import Architecture, width_of_a_head
from llm_layers.formats.huggingface.llama import ATTENTION, EMBEDDING_AND_HEAD, FEED_FORWARD, FIELDS, QUERY_KEY_NORMS

NORMS_AFTER = {
    "blocks.#.attention_output_norm.gain": "model.layers.#.post_attention_layernorm.weight",
    "blocks.#.feed_forward_output_norm.gain": "model.layers.#.post_feedforward_layernorm.weight",
}

OLMO2_ARCHITECTURE = Architecture(
    design=OLMO2,
    model_type="olmo2",
    class_name="Olmo2ForCausalLM",
    fields=FIELDS,
    defaults={
        "tie_word_embeddings": False,
        "num_key_value_heads": lambda settings: settings.get("num_attention_heads"),
        "head_dim": width_of_a_head,
    },
    fixed={"hidden_act": "silu", "attention_bias": False},
    names=EMBEDDING_AND_HEAD | ATTENTION | QUERY_KEY_NORMS | NORMS_AFTER | FEED_FORWARD,
)
