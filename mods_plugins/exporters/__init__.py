"""Exporters: a selection the way a trainer reads it, one trainer a file."""
