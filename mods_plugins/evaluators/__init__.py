"""Evaluators: what a verdict measures of a tuned model, prompt by prompt."""
