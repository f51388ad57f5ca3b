"""Verdicts: does a selection help the model? Arms, matched budgets, measures, what came out."""
