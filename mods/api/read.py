"""`mods.read`: how data is read, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mods.api.inputs import (
    Data,
    How,
    read_data,
    registry_with,
)
from mods.data.reading import Reading
from mods.progress import Progress

if TYPE_CHECKING:
    pass


def read(
    data: Data,
    *,
    schema: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str = "utf-8",
    plugins: Sequence[str | Path] = (),
    strict: bool = False,
    quiet: bool = False,
) -> Reading:
    """Read data the way every command does, and do nothing else.

    Parameters
    ----------
    data, plugins, strict, quiet
        As in `select`.
    schema, columns, encoding
        As the settings of the same names, see `mods.settings.run.RunSettings`.

    Returns
    -------
    Reading
        `records` (made when asked for), `duplicates`, `broken` rows with their reasons, and
        `views`: by source, which columns served which part and which were not used; `notes`: files
        of folders that were left out.

    Raises
    ------
    ModsError
        For everything that the caller can fix; the message says how.
    """
    how = How(schema, columns or {}, encoding, strict=strict)
    return read_data(data, registry_with(plugins), how, Progress(quiet=quiet))
