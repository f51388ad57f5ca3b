"""Selectors: one method, one file."""
