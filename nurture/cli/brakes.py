"""`nurture brakes`: what holds mail back beside paused sequences."""

from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from nurture.cli.common import operator
from nurture.cli.printing import aligned, clean, instant, print_json

if TYPE_CHECKING:
    from datetime import timedelta

app = typer.Typer(help="What holds mail back: all of it, a transport, a family or a domain of recipients.", no_args_is_help=False)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Kind = Literal["all", "transport", "family", "domain"]
OfKind = Annotated[Kind, typer.Argument(metavar="KIND", help=" or ".join(get_args(Kind)) + ".", show_default=False)]
Named = Annotated[
    str, typer.Argument(metavar="[NAME]", help="Which one: a transport, a family as it sees it (default/gmail), or a domain.")
]


@app.callback(invoke_without_command=True)
def brakes(context: typer.Context, as_json: AsJson = False) -> None:
    """List what holds mail back just now, why, and until when."""
    from nurture.cli.releases import installation

    if context.invoked_subcommand is not None:
        return
    with installation() as base:
        at = base.clock.now()
        held = [each for each in base.database.routing.brakes().values() if each.holds(at)]
    if as_json:
        print_json([each._asdict() for each in held])
        return
    ends = (instant(each.until) if each.until else "until lifted" for each in held)
    lines = ((each.kind, each.name, instant(each.at), until, clean(each.reason)) for each, until in zip(held, ends, strict=True))
    for line in aligned(lines):
        typer.echo(line)
    if not held:
        typer.echo("nothing holds mail back")


@app.command()
def pull(
    kind: OfKind,
    name: Named = "",
    for_: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long, such as 2h; else until lifted.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever asks.")] = "pulled by hand",
    as_json: AsJson = False,
) -> None:
    """Hold mail back at once: `nurture brakes pull all` stops everything. Exit code 1 if that brake holds already."""
    from nurture.cli.releases import installation
    from nurture.domain.mail.brakes import Brake, Learned

    length = _duration(for_) if for_ is not None else None
    with installation() as base:
        at = base.clock.now()
        until = at + length if length is not None else None
        brake = Brake(kind, _name(kind, name), at, until, reason[:200], operator())
        pulled = base.database.routing.keep(Learned([brake], [], []))
    if as_json:
        print_json({"pulled": pulled})
    else:
        typer.echo("within a second no such mail begins any more" if pulled else "that brake holds already; lift it first")
    raise typer.Exit(0 if pulled else 1)


@app.command()
def lift(kind: OfKind, name: Named = "", as_json: AsJson = False) -> None:
    """Let mail go again. Exit code 1 if there was no such brake."""
    from nurture.cli.releases import installation

    with installation() as base:
        lifted = base.database.routing.lift(kind, _name(kind, name), base.clock.now())
    if as_json:
        print_json({"lifted": lifted})
    else:
        typer.echo("lifted" if lifted else "there is no such brake; `nurture brakes` lists them")
    raise typer.Exit(0 if lifted else 1)


def _name(kind: Kind, name: str) -> str:
    from nurture.domain.mail.breakers import ALL_MAIL

    if kind == "all":
        return ALL_MAIL
    if not name or (kind == "family") != ("/" in name):
        example = {"family": "default/gmail", "domain": "gmail.com"}.get(kind, "default")
        raise typer.BadParameter(f"say which one, such as {example}; `nurture brakes` lists those that hold", param_hint="NAME")
    return name


def _duration(text: str) -> "timedelta":
    from nurture.domain.duration import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
