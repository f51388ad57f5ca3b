"""The stages of a run: each takes objects, returns what it found, and knows no other stage."""
