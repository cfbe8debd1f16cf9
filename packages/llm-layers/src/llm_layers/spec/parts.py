"""The parts of the layers in reading order: one file a part, here and in the proof."""

PARTS = (
    "embedding",
    "linear",
    "position",
    "rotary_scaling",
    "norm",
    "dropout",
    "attention",
    "multi_head_attention",
    "activation",
    "feed_forward",
    "mixture_of_experts",
    "residual",
    "block",
    "decoder",
    "loss",
    "initialization",
    "lora",
    "quantization",
)
