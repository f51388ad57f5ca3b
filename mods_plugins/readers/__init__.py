"""Readers: one format, one file; `files`, `json_rows`, `json_array` and `arrow` are shared."""
