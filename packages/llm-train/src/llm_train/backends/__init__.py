"""Backends: how the loss and gradients of a batch are computed."""
