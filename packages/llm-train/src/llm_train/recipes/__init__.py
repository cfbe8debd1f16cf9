"""Recipes: every setting of a run. The shipped ones are the TOML files in this folder."""
