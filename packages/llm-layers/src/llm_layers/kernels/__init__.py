"""The same contracts, computed faster; `presets` chooses."""
