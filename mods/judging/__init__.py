"""Judging: paired differences of arms, one of three words, and how they are shown."""
