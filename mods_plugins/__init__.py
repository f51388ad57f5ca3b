"""The default plug-ins: ordinary ones, which the core finds by name and never imports."""

MODULES = (
    "mods_plugins.readers",
    "mods_plugins.baselines",
    "mods_plugins.coherence",
    "mods_plugins.reward_model",
    "mods_plugins.ifd",
    "mods_plugins.embedders",
    "mods_plugins.selectors",
    "mods_plugins.models",
    "mods_plugins.necessity",
)
"""Every default plug-in, by dotted name."""
