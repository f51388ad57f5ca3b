"""mods from Python: one file for what each function of the package does."""
