"""Doors from other programs: where people already are, mods is one step away."""
