"""What a finished run shows of itself: in a notebook, in a terminal, and as tables."""
