"""Which settings of a `config.json` a family does not read, and what to do about each of them.

The code of transformers is the reference: what it never reads while it computes logits has no effect. Published files
hold many such settings: those of older releases, of text generation, of training tools. A setting that could change
the result is accepted only with the value that changes nothing.
"""

import re
from typing import Any

from llm_layers.interface import LayersError

# Settings that never change a logit.
HARMLESS = frozenset(
    (
        # what transformers writes beside the shape
        "architectures", "attn_implementation", "auto_map", "cache_implementation", "dtype", "experts_implementation",
        "finetuning_task", "gradient_checkpointing", "id2label", "initializer_range", "is_decoder", "label2id",
        "library_name", "num_labels", "n_ctx", "n_special", "output_attentions", "output_hidden_states", "output_past",
        "output_router_logits", "output_scores", "predict_special_tokens", "pretraining_tp", "problem_type",
        "return_dict", "return_dict_in_generate", "router_aux_loss_coef", "task_specific_params", "torch_dtype",
        "torchscript", "use_bfloat16", "use_cache", "use_return_dict", "xla_device",
        # text generation, which older releases kept here
        "bad_words_ids", "begin_suppress_tokens", "diversity_penalty", "do_sample", "early_stopping",
        "encoder_no_repeat_ngram_size", "exponential_decay_length_penalty", "length_penalty", "max_length",
        "max_new_tokens", "min_length", "no_repeat_ngram_size", "num_beam_groups", "num_beams",
        "num_return_sequences", "penalty_alpha", "prefix", "remove_invalid_values", "repetition_penalty",
        "suppress_tokens", "temperature", "top_k", "top_p", "typical_p",
        # training tools and conversions
        "is_llama_config", "max_sequence_length", "max_window_layers", "model_max_length", "neftune_noise_alpha",
        "pad_to_multiple_of", "use_flash_attention", "use_flash_attention_2", "use_flash_attn", "use_liger_kernel",
        "flash_attn", "layer_norm_eps", "license", "model_name", "seq_length", "trl_version",
    )
)  # fmt: skip
# Families of such names: the notes of transformers, ids and texts of special tokens, dropout (of training alone),
# the notes of tools.
HARMLESS_NAMES = re.compile(
    r"_.*|(.*_)?token_ids?|(bos|eos|pad|unk|sep|cls|mask)_token|.*dropout.*|.*_pdrop|summary_.*|tokenizer_.*|initializer_.*"
    r"|transformers.*|unsloth.*|tf_.*|flax_.*"
)

# Setting -> the value that changes nothing, and what another value would do.
NEUTRAL: dict[str, tuple[Any, str]] = {
    "add_cross_attention": (False, "adds attention to a second text"),
    "attention_bias": (False, "adds biases to the projections of attention"),
    "attention_multiplier": (1.0, "scales the attention scores"),
    "attn_logit_softcapping": (None, "caps the attention scores"),
    "chunk_size_feed_forward": (0, "cuts the feed-forward part into chunks"),
    "clip_qkv": (None, "clips queries, keys and values"),
    "embedding_multiplier": (1.0, "scales the embedding"),
    "final_logit_softcapping": (None, "caps the logits"),
    "hidden_act": ("silu", "selects another activation"),
    "hidden_activation": ("gelu_pytorch_tanh", "selects another activation"),
    "activation_function": ("gelu_new", "selects another activation"),
    "is_encoder_decoder": (False, "makes the model an encoder and a decoder"),
    "logit_scale": (1.0, "scales the logits"),
    "logits_scaling": (1.0, "scales the logits"),
    "mlp_bias": (False, "adds biases to the feed-forward parts"),
    "mlp_only_layers": ([], "leaves some blocks without experts"),
    "decoder_sparse_step": (1, "leaves some blocks without experts"),
    "partial_rotary_factor": (1.0, "rotates only a part of each head"),
    "quantization_config": (None, "means that the weights are stored as quantized integers"),
    "residual_multiplier": (1.0, "scales the output of each part"),
    "rope_interleaved": (False, "rotates neighboring elements as pairs"),
    "scale_attn_weights": (True, "leaves the attention scores unscaled"),
    "sliding_window": (None, "limits how far back a position attends"),
    "use_bidirectional_attention": (False, "lets a position attend to later ones"),
}
SAME_ACTIVATION = {"swish": "silu", "gelu_pytorch_tanh": "gelu_new"}


def check_fixed(key: str, value: Any, right: Any) -> None:
    """Refuse a setting that this family's code reads, with any value but the one that `Decoder` computes.

    Raises:
        LayersError: naming the setting, both values and what the given one would change.
    """
    if value is not None and _plain(value) != _plain(right):
        what = NEUTRAL[key][1] if key in NEUTRAL else "changes the result"
        raise LayersError(
            f"{key} in config.json must be {right!r} for this package, but was {value!r}, which {what}: "
            "run the model with transformers"
        )


def check_unread(key: str, value: Any) -> None:
    """Accept a setting that the family does not read if it changes nothing.

    Raises:
        LayersError: naming the setting and what it would change, as far as this is known.
    """
    if key in HARMLESS or HARMLESS_NAMES.fullmatch(key):
        return
    if key in NEUTRAL:
        check_fixed(key, value, NEUTRAL[key][0])
    elif value not in (None, False, "", [], {}):  # a switch that is off changes nothing
        raise LayersError(
            f"{key} in config.json is {value!r:.80}, and this package does not know whether that changes the result: "
            "run the model with transformers"
        )


def _plain(value: Any) -> Any:
    return SAME_ACTIVATION.get(value, value) if isinstance(value, str) else value
