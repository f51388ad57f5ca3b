"""Tuning: rows become weights, in a folder where a kill costs little."""
