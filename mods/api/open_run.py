"""`mods.open_run`: a finished run, from its folder."""

from __future__ import annotations

from pathlib import Path

from mods.runs.shown.results import Run


def open_run(folder: str | Path) -> Run:
    """Open the folder of a finished run.

    Parameters
    ----------
    folder
        What `mods run -o` or `select(output=…)` wrote, on this machine or another one.

    Returns
    -------
    Run
        `rows` as they were read, in order of pick; `to_arrow`, `to_pandas` and `to_dataset` with
        the scores of each; `receipts` and `pool` as tables; `manifest`.

    Raises
    ------
    RunFolderError
        For a folder that holds no finished run.
    """
    return Run.open(Path(folder).expanduser())
