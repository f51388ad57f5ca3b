"""The version of mods, read by the build and by `mods --version`."""

__version__ = "0.1.0"
