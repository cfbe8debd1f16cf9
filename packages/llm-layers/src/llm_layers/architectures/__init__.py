"""How public models' names and settings map onto ours, one module per architecture."""
