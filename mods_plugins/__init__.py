"""The default plug-ins: ordinary ones, which the core finds by name and never imports."""
