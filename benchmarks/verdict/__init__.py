"""Verdicts: how often they are wrong where the truth is known, and one on real data."""
