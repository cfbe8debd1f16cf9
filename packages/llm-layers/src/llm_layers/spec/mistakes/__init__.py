"""Mistakes that people really make, one file per part."""
