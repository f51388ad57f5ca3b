"""`mods plugins`: what can be chosen, and where it comes from."""

from __future__ import annotations

import json

import click

from mods.commands.options import registry_of


@click.command(epilog="\b\nExample:\n  mods --plugin my_scorer.py plugins")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List plug-ins: kind, name, package, version, options."""
    rows = [
        {
            "kind": plugin.kind,
            "name": plugin.name,
            "package": plugin.origin.package,
            "version": plugin.origin.version,
            "module": plugin.origin.module,
            "options": list(plugin.parameters),
        }
        for plugin in registry_of(ctx)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        where = f"{row['package']:<18} {row['version']:<7}"
        click.echo(f"{row['kind']:<10} {row['name']:<22} {where} {','.join(row['options'])}")
