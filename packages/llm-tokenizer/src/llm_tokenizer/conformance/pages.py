"""The titles of the pages that a failure points to: who installed a package has no pages, but can find a title."""

TITLES = {
    "explanation/adapters": "LoRA: low-rank adapters",
    "explanation/attention": "Attention",
    "explanation/block": "The transformer block",
    "explanation/cache": "The KV cache",
    "explanation/dropout": "Dropout",
    "explanation/embedding": "Embedding",
    "explanation/experts": "Mixture of experts",
    "explanation/families": "Model families",
    "explanation/feed_forward": "Feed-forward and activation functions",
    "explanation/initialization": "Initialization",
    "explanation/linear": "Linear layers",
    "explanation/loss": "Loss, perplexity and bits per byte",
    "explanation/norm": "Normalization",
    "explanation/optimization": "Optimizers and the learning rate",
    "explanation/position": "Positions and RoPE",
    "explanation/quantization": "Quantization",
    "explanation/sampling": "Sampling",
    "explanation/tokenizer": "Tokenization and BPE",
}


def where_to_read(page: str) -> str:
    """`Read "Normalization" in the project's documentation (docs/explanation/norm.md)`."""
    return f'Read "{TITLES[page]}" in the project\'s documentation (docs/{page}.md).'
