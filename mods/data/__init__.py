"""Data: sources become rows, rows become records, and what cannot is kept with its reason."""
