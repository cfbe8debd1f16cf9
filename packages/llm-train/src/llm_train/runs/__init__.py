"""What a run writes, shows and measures."""
