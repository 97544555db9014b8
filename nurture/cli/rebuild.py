"""`nurture report rebuild`: all figures worked out anew."""

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.printing import print_json
from nurture.cli.releases import installation

if TYPE_CHECKING:
    from nurture.flow.rebuild import Rebuilt


def rebuild(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Work out all figures anew from the log: after an upgrade from before 0.2, and after another time zone, brand or stages.

    Workers go on meanwhile. Days whose events were forgotten stay as they are. Broken off, it is simply given again.
    """
    from nurture.flow.rebuild import rebuild as work_out
    from nurture.reports.sheet import date_of

    with installation() as base:
        done = work_out(base.database, base.clock, lambda account: None if as_json else _tell(account))
    if as_json:
        print_json({"last_day": None if done.day is None else date_of(done.day).isoformat(), "restarted": done.restarted})
    else:
        typer.echo("the figures follow from the log; `nurture verify` tells whether they do")


def _tell(account: "Rebuilt") -> None:
    from nurture.reports.sheet import date_of

    if not account.counted and account.batches % 50 == 0:
        typer.echo(f"people: {account.batches} batches", err=True)
    elif account.counted and account.day is not None:
        typer.echo(f"days up to {date_of(account.day)}", err=True)
