"""`mods bench`: speed on the user's own machine and data."""

from __future__ import annotations

import click


class BenchGroup(click.Group):
    """Imports the benchmarks when they are asked for: they need NumPy."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the benchmarks."""
        return ["kcenter"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a benchmark."""
        if cmd_name != "kcenter":
            return None
        from mods.bench import kcenter

        return kcenter


@click.group(cls=BenchGroup)
def bench() -> None:
    """Measure the speed of selection on this machine."""
