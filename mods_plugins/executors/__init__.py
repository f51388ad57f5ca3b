"""Executors: where the work on rows is done, one way a file."""
