"""A finished selection, written for those who train on it."""
