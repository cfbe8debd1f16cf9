"""Model folders in the Hugging Face layout, one module per family of models."""
