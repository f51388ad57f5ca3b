"""The commands of `mods`, one file each."""
