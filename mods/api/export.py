"""`mods.export`: a finished selection for those who train on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mods.api.inputs import registry_with
from mods.plugins.part import Part
from mods.plugins.registry import Registry
from mods.runs.export.folder import Export, How, Order, write_export
from mods.runs.export.hub import check_hub, push
from mods.runs.saved import SavedRun
from mods.settings.choice import Choice
from mods.settings.layers import checked
from mods.settings.options import Tuning


def export(
    run: str | Path,
    *,
    to: str | Choice | Mapping[str, Any],
    output: str | Path | None = None,
    order: Order = "pick",
    seed: int = 0,
    licence: str | None = None,
    push_to_hub: str | None = None,
    public: bool = False,
    overwrite: bool = False,
    plugins: Sequence[str | Path] = (),
) -> Export:
    """Write the selection of a finished run the way a trainer reads it.

    Parameters
    ----------
    run
        The run folder.
    to
        The exporter: `NAME` or `NAME:key=value,…`.
    output
        The folder to write; by default beside the run folder: `RUN-NAME`.
    order, seed
        `pick`: seeds, then necessary rows, as they were picked; or `shuffled` with a seed.
    licence
        The licence of the whole, as the hub calls it (`cc-by-4.0`), for the card; by default the
        one that all rows name, else `unknown`.
    push_to_hub, public
        USER/NAME to push to as well, private unless `public`; the token is taken from `HF_TOKEN`.
    overwrite
        Replace an older export in the folder.
    plugins
        As in `select`.

    Returns
    -------
    Export
        Counts, refused rows with their reasons, and the files with their SHA-256;
        exported + refused = selected.

    Raises
    ------
    ModsError
        For everything that the caller can fix; the message says how.
    """
    return export_run(
        Path(run),
        Choice.read(to, "to"),
        registry_with(plugins),
        output=Path(output) if output else None,
        how=How(order, seed, licence, overwrite),
        push_to_hub=push_to_hub,
        public=public,
    )


def export_run(
    run: Path,
    to: Choice,
    registry: Registry,
    *,
    output: Path | None,
    how: How,
    push_to_hub: str | None,
    public: bool,
) -> Export:
    """Load the run and write the folder; what `export` and `mods export` share."""
    token = check_hub(push_to_hub) if push_to_hub else ""
    saved = SavedRun.load(run)
    part = Part.choose(registry, "exporter", to, {"tuning": tuning_of(saved)})
    part.check()
    target = output or run.resolve().with_name(f"{run.resolve().name}-{to.name}")
    made = write_export(saved, run, part, target, how, to=str(to))
    if push_to_hub:
        push(made, push_to_hub, token, public=public)
    return made


def tuning_of(saved: SavedRun) -> Tuning:
    """Return how the run tuned; a template is named by its hash."""
    tuning = saved.manifest["makes"]["settings"].get("tuning") or {}
    return checked(Tuning, tuning, "tuning.")
