"""The titles of the pages that a failure points to: who installed a package has no pages, but can find a title."""

TITLES = {
    "explanation/adapters": "Low-rank corrections (LoRA)",
    "explanation/attention": "Attention",
    "explanation/block": "The block",
    "explanation/cache": "Key/value caches",
    "explanation/dropout": "Dropout",
    "explanation/embedding": "Embedding",
    "explanation/experts": "Mixture of experts",
    "explanation/families": "The families",
    "explanation/feed_forward": "Feed-forward",
    "explanation/initialization": "Start values",
    "explanation/linear": "Linear maps",
    "explanation/loss": "Loss and bits per byte",
    "explanation/norm": "Normalization",
    "explanation/optimization": "Optimization",
    "explanation/position": "Positions",
    "explanation/quantization": "Weights as codes",
    "explanation/sampling": "Sampling",
    "explanation/tokenizer": "Tokenization",
}


def where_to_read(page: str) -> str:
    """`Read "Normalization" in the project's documentation (docs/explanation/norm.md)`."""
    return f'Read "{TITLES[page]}" in the project\'s documentation (docs/{page}.md).'
