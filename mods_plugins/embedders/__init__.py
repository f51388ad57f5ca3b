"""Embedders: one method, one file."""
