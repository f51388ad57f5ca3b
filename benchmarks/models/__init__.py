"""How fast models work in the loop: this version, 0.1.0 and the loops that users write."""
