"""Overlap of rows with prompts that a model is to be tested on: contamination."""
