"""`mods cache`: what is kept between runs, whether it is sound, and how to be rid of it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from mods.commands.options import CACHE, JSON, show

EPILOG = """\b
Examples:
  mods cache info
  mods cache verify --cache /data/mods-cache
  mods cache clear --older-than 30
"""


@click.group(epilog=EPILOG)
def cache() -> None:
    """Look after the cache of scores, vectors, answers and weights."""


@cache.command()
@CACHE
@JSON
def info(cache: Path | None, as_json: bool) -> None:
    """List what the cache holds."""
    from mods.files import default_cache
    from mods.work.housekeeping import entries

    folder = cache or default_cache()
    found = list(entries(folder))
    if as_json:
        rows = [{**asdict(entry), "path": str(entry.path)} for entry in found]
        click.echo(json.dumps({"cache": str(folder), "entries": rows}, indent=2))
        return
    for entry in found:
        day = time.strftime("%Y-%m-%d", time.localtime(entry.used))
        show(
            f"{entry.kind:<10} {entry.plugin:<28} {entry.rows:>10,} rows "
            f"{megabytes(entry.bytes):>10}  {day}  {entry.path.name}"
        )
    total = megabytes(sum(entry.bytes for entry in found))
    show(f"{len(found)} entries, {total}: {folder}")


@cache.command()
@CACHE
@JSON
def verify(cache: Path | None, as_json: bool) -> None:
    """Check every result against its checksum.

    Exit code 1 if something is damaged. A run computes damaged rows again by itself.
    """
    from mods.files import default_cache
    from mods.work.housekeeping import damaged_rows, entries

    folder = cache or default_cache()
    files = [entry for entry in entries(folder) if entry.path.is_file()]
    checked = [(entry, *damaged_rows(entry.path)) for entry in files]
    bad = [(entry, rows, wrong) for entry, rows, wrong in checked if rows or wrong]
    if as_json:
        found = [{"path": str(e.path), "damaged": rows, "file": wrong} for e, rows, wrong in bad]
        click.echo(json.dumps({"cache": str(folder), "files": len(files), "damaged": found}))
    else:
        for entry, rows, wrong in bad:
            show(f"{entry.path.name}: {rows} damaged rows{f'; {wrong}' if wrong else ''}")
        rows = sum(entry.rows for entry in files)
        show(f"{len(files)} files, {rows:,} rows checked, {len(bad)} files damaged: {folder}")
    if bad:
        click.get_current_context().exit(1)


@cache.command()
@CACHE
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Only what was last written so many days ago.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@JSON
def clear(cache: Path | None, older_than: float, yes: bool, as_json: bool) -> None:
    """Remove what the cache holds; it costs time, nothing else."""
    from mods.files import default_cache
    from mods.work.housekeeping import clear as remove

    folder = cache or default_cache()
    if not yes:
        click.confirm(f"Remove cached results from {folder}?", abort=True)
    number, size = remove(folder, older_than_days=older_than)
    if as_json:
        click.echo(json.dumps({"cache": str(folder), "removed": number, "bytes": size}))
    else:
        show(f"{number} entries removed, {megabytes(size)} freed: {folder}")


def megabytes(size: int) -> str:
    """Write a number of bytes as people read it."""
    return f"{size / 1e6:,.1f} MB"
