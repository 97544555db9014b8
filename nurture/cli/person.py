"""`nurture person`: one person's story, and why they did not get a mail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.printing import aligned, instant, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from pydantic import BaseModel

    from nurture.reports.why_not import WhyNot

app = typer.Typer(help="Look at one person.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="EMAIL", help="An e-mail address, or an id: ours, a user's, a browser's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(
    email: Who,
    as_json: AsJson = False,
    events: Annotated[int, typer.Option(min=0, max=100_000, help="How many of the latest events.")] = 50,
    identity: Annotated[bool, typer.Option("--identity", help="Tell instead who they are, and how we know.")] = False,
) -> None:
    """Tell somebody's story: what is known, points and their rules, promotions and their causes, mails, events."""
    from nurture.cli.story_text import identity_lines, story_lines
    from nurture.reports.identity_story import identity_story
    from nurture.reports.story import story

    with in_force() as installation, _somebody():
        if identity:
            who = identity_story(installation.engine, email)
            _tell(who, identity_lines(who), as_json)
        else:
            found = story(installation.engine, installation.definitions, email, installation.at, events)
            _tell(found, story_lines(found), as_json)


@contextmanager
def _somebody() -> Iterator[None]:
    """Exit code 1 if nobody is known by what was typed."""
    from nurture.errors import UnknownPerson

    try:
        yield
    except UnknownPerson as error:
        typer.echo(f"nurture: {error}", err=True)
        raise typer.Exit(1) from None


def _tell(found: "BaseModel", lines: Iterator[str], as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(lines))


@app.command(name="why-not")
def why_not(
    email: Who, sequence: Annotated[str, typer.Argument(metavar="SEQUENCE", help="The sequence's name.")], as_json: AsJson = False
) -> None:
    """Tell why somebody did not get a sequence, or the rest of it. Exit code 1 if nobody is known by the address."""
    from nurture.reports.why_not import why_not as ask

    with in_force() as installation:
        found = ask(installation.engine, installation.definitions, email, sequence, installation.at)
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_answer(found)))
    if found.person is None:
        raise typer.Exit(1)


def _answer(found: "WhyNot") -> Iterator[str]:
    yield f"{found.sequence}: {counted(found.mailed, 'mail')} of it sent" if found.person is not None else f"{found.sequence}:"
    yield from aligned((instant(each.at), each.text) for each in found.findings)
