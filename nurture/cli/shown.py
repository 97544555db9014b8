"""`nurture settings`: what is in force here, and who says so."""

import os
from typing import Annotated

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, print_json


def settings(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print all settings with where each comes from. Of secrets it tells only that they are there."""
    import json

    from nurture.shown_settings import shown_settings

    told = list(shown_settings(load_settings(), os.environ))
    if as_json:
        print_json([each._asdict() for each in told])
        return
    rows = (
        (each.name, each.value if isinstance(each.value, str) else json.dumps(each.value, ensure_ascii=False), each.source)
        for each in told
        if each.value is not None
    )
    for line in aligned(rows):
        typer.echo(line)
    unset = [each.name for each in told if each.value is None]
    if unset:
        typer.echo(f"Not set: {', '.join(unset)}")
