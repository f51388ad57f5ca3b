"""Quality scorers: one method, one file."""
