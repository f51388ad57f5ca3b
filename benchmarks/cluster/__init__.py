"""Benchmarks of work on several machines."""
