"""A corpus to token ids to batches."""
