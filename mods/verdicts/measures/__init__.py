"""Measures: an evaluator at work on the prompts of a verdict."""
