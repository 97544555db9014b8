"""`nurture keys`: the write keys that tell the sources of events apart."""

import json

import typer

from nurture.cli.common import load_settings

app = typer.Typer(help="List the write keys, or make one.", invoke_without_command=True)


@app.callback()
def keys(context: typer.Context) -> None:
    """List the names of the write keys."""
    if context.invoked_subcommand is None:
        for name in load_settings().write_keys:
            typer.echo(name)


@app.command()
def new() -> None:
    """Print a fresh write key; it counts once NURTURE_WRITE_KEYS holds it."""
    from nurture.settings import new_write_key, variable

    key = new_write_key()
    typer.echo(key)
    example = json.dumps({**load_settings().write_keys, "NAME": key})
    typer.echo(f"Give it a name and restart the web processes: {variable('write_keys')}='{example}'", err=True)
