"""`nurture forget`: what is kept longer than `config/privacy.yaml` allows, and its end."""

from typing import Annotated

import typer

from nurture.cli.printing import aligned, print_json


def forget(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much of each class of data would go.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Forget it now, all of it, instead of waiting for the hour.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Forget what is older than its class of data is kept for, as workers do by themselves every hour."""
    from collections import Counter

    from nurture import bootstrap
    from nurture.cli.common import load_settings
    from nurture.flow.forget import due
    from nurture.flow.forget import forget as take

    if dry_run == now:
        raise typer.BadParameter("say --dry-run or --now")
    parts = bootstrap.WorkerParts(load_settings())
    try:
        if dry_run:
            counts = {str(what): count for what, count in due(parts.database, parts.clock).items()}
        else:
            gone = Counter[str]()
            more = True
            while more:
                outcome = take(parts.database, parts.eraser, parts.clock)
                gone.update(outcome.gone)
                more = outcome.more
            counts = dict(gone)
    finally:
        parts.database.engine.dispose()
    if as_json:
        print_json({"dry_run": dry_run, "classes": counts})
        return
    for line in aligned(((count, what) for what, count in counts.items()), figures_first=True):
        typer.echo(line)
    typer.echo("would go" if dry_run else "forgotten")
