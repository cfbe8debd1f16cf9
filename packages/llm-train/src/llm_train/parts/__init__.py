"""Your own functions in the real model and loop: which are found in your files, and what they replace."""
