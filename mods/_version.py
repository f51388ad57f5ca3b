"""The version of mods, read by the build and by `mods --version`."""

__version__ = "0.2.0.dev0"
