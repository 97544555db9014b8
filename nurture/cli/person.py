"""`nurture person`: one person's story, why they did not get a mail, and sales sending them back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.common import load_settings
from nurture.cli.installation import in_force
from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from pydantic import BaseModel

    from nurture.domain.event import Event
    from nurture.reports.why_not import WhyNot

app = typer.Typer(help="Look at one person, or send a lead back.", no_args_is_help=True)

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

    with in_force() as installation, somebody():
        if identity:
            who = identity_story(installation.engine, email)
            _tell(who, identity_lines(who), as_json)
        else:
            found = story(installation.engine, installation.definitions, email, installation.at, events)
            _tell(found, story_lines(found), as_json)


@contextmanager
def somebody() -> Iterator[None]:
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
    found = _with_posts_set_aside(found, email)
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_answer(found)))
    if found.person is None:
        raise typer.Exit(1)


def _with_posts_set_aside(found: "WhyNot", email: str) -> "WhyNot":
    """What was never stored, because it waits in quarantine; where Redis does not answer, or there is none, the rest is told."""
    from nurture.bootstrap import redis_client
    from nurture.errors import SettingsError, Unavailable
    from nurture.reports.quarantined import set_aside

    try:
        redis = redis_client(load_settings())
        aside = set_aside(redis, email)
    except (SettingsError, Unavailable) as error:
        typer.echo(f"nurture: {error}", err=True)
        return found
    return found.model_copy(update={"findings": (*found.findings, *aside)})


@app.command()
def reject(
    email: Who,
    reason: Annotated[str, typer.Option(help="Why sales does not want them now; kept with the stage change.")],
    cool_down: Annotated[
        str | None,
        typer.Option("--cool-down", help="How long a score alone does not promote them again; without it, as the rule says."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a lead back for sales: down a stage, and no score alone brings them up again for a while."""
    from nurture.domain.lifecycle import cool_down_of
    from nurture.domain.rejecting import Refused, rejecting
    from nurture.errors import NurtureError
    from nurture.reports.people import find_person
    from nurture.reports.reading import snapshot

    _check(reason, cool_down)
    with in_force() as installation, somebody(), snapshot(installation.engine) as connection:
        person = find_person(connection, email).person
    found = rejecting(person, reason.strip(), cool_down, installation.definitions.lifecycle, installation.at)
    if isinstance(found, Refused):
        raise NurtureError(found.why)
    event, rule = found
    put_on_stream(event)
    until = installation.at + cool_down_of(event, rule)
    if as_json:
        told = {"person": person.id, "from_stage": person.stage, "to_stage": rule.to, "rule": rule.id, "until": until}
        print_json({**told, "event": event.key})
    else:
        who = clean(person.email or f"person {person.id}")
        typer.echo(f"{who} goes from {person.stage} back to {rule.to} (by {rule.id}) as soon as a worker takes it in;")
        typer.echo(f"until {instant(until)} no score alone promotes them")


def _check(reason: str, cool_down: str | None) -> None:
    from nurture.domain.acting import LONGEST_REASON
    from nurture.domain.duration import parse_duration

    if not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise typer.BadParameter(f"write 1 to {LONGEST_REASON} characters", param_hint="--reason")
    try:
        parse_duration(cool_down or "0s")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--cool-down") from None


def put_on_stream(event: "Event") -> None:
    """Let an event that was told by hand go the way of all events."""
    from nurture.adapters.nudge import CeleryNudge
    from nurture.adapters.patient_writer import PatientWriter

    settings = load_settings()
    nudge = CeleryNudge(settings.redis)

    def waits(text: str) -> None:
        typer.echo(f"nurture: {text}", err=True)

    with PatientWriter(settings.redis, settings.partitions, settings.max_backlog, nudge, waits) as writer:
        writer.write([event])
    nudge.close()


def _answer(found: "WhyNot") -> Iterator[str]:
    yield f"{found.sequence}: {counted(found.mailed, 'mail')} of it sent" if found.person is not None else f"{found.sequence}:"
    yield from aligned((instant(each.at), each.text) for each in found.findings)
