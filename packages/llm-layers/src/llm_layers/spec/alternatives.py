"""Functions with a contract that no shipped design runs, each with the reason why one would use it.

Every other function with a contract runs when a model of a shipped design is built, trained, saved or used; a test
traces it.
"""

ALTERNATIVES = {
    "gelu": "GELU by its definition, for models trained with the exact form; the shipped GPT-2 uses the tanh form.",
    "relu_squared": "An activation with sparse output: a gated part's product with two matrices instead of three.",
    "relu_squared_feed_forward": 'The feed-forward part of Primer: `Design(feed_forward="relu_squared")` uses it.',
    "sinusoidal_positions": "Positions without weights that exist for every length, as in the first transformer.",
    "rotary_interleaved": "RoPE in the order of GPT-J and of the original Llama files; our files use halves.",
    "post_norm": "The placement of the first transformer and of BERT, for comparison: deep stacks need a warm-up.",
    "multi_head_attention": "Attention in its simplest form, from weights to result, for reading and comparison.",
    "multi_query_attention": "One key/value head for all query heads: the smallest cache, at some cost in quality.",
    "cached_attention": "Attention with kept keys and values as one function, to check a cache of your own against.",
    "mixture_with_shared_expert": "A mixture as in DeepSeekMoE: common work is learned once, by a shared expert.",
    "load_balancing_loss": "Keeps all experts in use while a mixture is trained from scratch.",
    "router_z_loss": "Keeps router logits small, for a mixture trained in low precision.",
    "smoothed_cross_entropy": "Cross-entropy for targets that are sometimes wrong.",
    "z_loss": "Keeps the logits from drifting together; `linear_cross_entropy(z_weight=…)` adds the same term.",
    "scaled_initialization": "The initialization of GPT-2: `initialize_gpt2` fills a model with it.",
}
"""Function -> why one would use it."""
