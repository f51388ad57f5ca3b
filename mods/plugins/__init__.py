"""Plug-ins: found, registered, put to work, and held to their rules."""
