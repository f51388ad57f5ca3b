"""Trainers and generators: one library, one file."""
