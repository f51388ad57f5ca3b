"""Where plug-ins come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sources:
    """Where plug-ins are looked for, besides installed packages: enough to load them elsewhere."""

    files: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    defaults: tuple[str, ...] | None = None
    """Dotted names of the modules that come with mods; None for the usual ones."""

    def absolute(self) -> Sources:
        """Return them with paths that mean the same in every folder."""
        files = tuple(Path(file).absolute() for file in self.files)
        return Sources(files, tuple(Path(f).absolute() for f in self.folders), self.defaults)


@dataclass(frozen=True)
class Origin:
    """Where a plug-in module came from."""

    module: str
    package: str
    version: str
    """Version of the package; for a file `sha256:` and the hash of its content."""
