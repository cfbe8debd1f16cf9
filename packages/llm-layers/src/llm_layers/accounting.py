"""What a model of a given shape costs, worked out from its config alone."""

from llm_layers.config import ModelConfig


def parameter_count(config: ModelConfig, *, embeddings: bool = True) -> int:
    """Count the numbers that training adjusts, exactly; without the embedding table and head if so asked."""
    attention = config.d_model * config.d_head * 2 * (config.heads + config.kv_heads)
    feed_forward = 3 * config.d_model * config.d_ff
    gains = 2 * config.d_model + 2 * config.d_head
    total = config.layers * (attention + feed_forward + gains) + config.d_model
    tables = 1 if config.tied_embeddings else 2
    return total + (tables * config.vocab_size * config.d_model if embeddings else 0)


def forward_flops_per_token(config: ModelConfig, positions: int) -> int:
    """Count the multiplications and additions of the matrix products for one token of a text of `positions`.

    Every weight of a matrix is used once per token, as one multiplication and one addition. Scores and gathered values
    add 4 · heads · d_head per position seen; attention is counted whole, hidden half included, as is the custom.
    """
    gains = config.layers * 2 * (config.d_model + config.d_head) + config.d_model
    matrices = parameter_count(config, embeddings=False) - gains + config.vocab_size * config.d_model
    return 2 * matrices + 4 * config.layers * config.heads * config.d_head * positions


def training_flops_per_token(config: ModelConfig, positions: int) -> int:
    """Count forward and backward: the backward pass makes two products for each one of the forward pass."""
    return 3 * forward_flops_per_token(config, positions)


def cache_bytes(config: ModelConfig, positions: int, *, bytes_per_number: int = 4) -> int:
    """Count the bytes that the keys and values of one text of `positions` take."""
    return 2 * config.layers * config.kv_heads * config.d_head * positions * bytes_per_number
