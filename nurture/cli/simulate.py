"""`nurture simulate`: what definitions would do, without a database to write to and without a mail server."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Connection

    from nurture.adapters.database.releases import Releases
    from nurture.domain.definitions import Definitions
    from nurture.domain.event import Event
    from nurture.ports import Writer
    from nurture.settings import Settings
    from nurture.simulation.story import Story

    #: Tells the story of the same people under some definitions.
    Telling = Callable[[Definitions], Story]

#: The other name of the definitions in force, beside a release's number and a folder.
IN_FORCE: Final = "in-force"

#: How long people are watched who do nothing more.
_USUAL_LENGTH: Final = "60d"


class _Chosen(NamedTuple):
    """Whom to simulate: exactly one is given."""

    events: Path | None
    replay: str | None
    person: str | None


class _Wanted(NamedTuple):
    """Whether mails are rendered, and whether the timeline is told however long it is."""

    rendered: bool
    whole: bool


class _Span(NamedTuple):
    """From when to when."""

    start: "datetime"
    until: "datetime"


#: Nobody reads the timeline of more events than this.
_TIMELINE: Final = 2_000


def simulate(
    sequence: Annotated[str | None, typer.Argument(help="Show only this sequence.")] = None,
    events: Annotated[
        Path | None, typer.Option(dir_okay=False, exists=True, help="A file of events, one JSON object a line.")
    ] = None,
    replay: Annotated[str | None, typer.Option(help="What everybody really did, for so long back: 90d.")] = None,
    person: Annotated[str | None, typer.Option(metavar="EMAIL", help="A person, from now on, if they do nothing more.")] = None,
    until: Annotated[str | None, typer.Option(help="How long to go on behind the last event, or from now: 60d.")] = None,
    config: Annotated[str | None, typer.Option(help="The definitions: a folder, a release's number, or in-force.")] = None,
    against: Annotated[str, typer.Option(help="For --diff, the definitions to compare with: as --config.")] = IN_FORCE,
    diff: Annotated[bool, typer.Option("--diff", help="Print who would get what more or less than by --against.")] = False,
    calendar: Annotated[bool, typer.Option("--calendar", help="Print the mails of each day.")] = False,
    html: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the calendar as a page of HTML.")] = None,
    render: Annotated[bool, typer.Option("--render", help="Render the mails, for their subjects and mistakes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what the definitions of the configuration folder would do: timeline, mails, scores, promotions, skips.

    Nothing is mailed and nothing is written. Exit code 1 if the definitions or the events have mistakes.
    """
    from nurture.cli.simulate_text import as_values, calendar_lines, difference_lines, story_lines
    from nurture.domain.wording import instead
    from nurture.reports.mail_calendar import mail_calendar
    from nurture.simulation.calendar import days
    from nurture.simulation.difference import difference
    from nurture.simulation.story import of_sequence

    settings = load_settings()
    definitions = _definitions(config or str(settings.config_dir), settings)
    if sequence is not None and sequence not in definitions.sequences:
        raise typer.BadParameter(f"there is no sequence {sequence!r}; {instead(sequence, definitions.sequences)}")
    tell = _telling(_Chosen(events, replay, person), until, settings, _Wanted(render, whole=as_json))

    def story_of(what: "Definitions") -> "Story":
        story = tell(what)
        return of_sequence(story, sequence) if sequence is not None else story

    story = story_of(definitions)
    changed = difference(story_of(_definitions(against, settings)), story) if diff else None
    zone = definitions.sending.timezone
    by_day = days(story, zone)
    if html is not None:
        html.write_text(mail_calendar(by_day, sequence or "Mails", zone), encoding="utf-8")
    if as_json:
        print_json(as_values(story, changed, by_day))
        return
    lines = list(difference_lines(changed)) if changed is not None else list(story_lines(story))
    for line in [*lines, *(calendar_lines(by_day, zone) if calendar else ())]:
        typer.echo(line)


def _telling(chosen: _Chosen, until: str | None, settings: "Settings", wanted: "_Wanted") -> "Telling":
    given = [each for each in chosen if each is not None]
    if len(given) != 1:
        raise typer.BadParameter("say whom to simulate, by one of --events, --replay and --person")
    length = _length(until or ("0h" if chosen.replay else _USUAL_LENGTH), "--until")
    writer = _writer(settings) if wanted.rendered else None
    if chosen.events is not None:
        return _of_file(chosen.events, length, writer, whole=wanted.whole)
    if chosen.person is not None:
        return _of_person(chosen.person, length, writer, settings)
    return _of_log(_length(chosen.replay or "", "--replay"), length, writer, settings, whole=wanted.whole)


def _of_file(file: Path, length: "timedelta", writer: "Writer | None", *, whole: bool) -> "Telling":
    from nurture.cli.simulated_events import read_events

    found = read_events(file)
    for mistake in found.mistakes:
        typer.echo(str(mistake), err=True)
    if found.mistakes:
        typer.echo("nurture: nothing was simulated, because every event counts; correct these lines", err=True)
        raise typer.Exit(1)
    if not found.events:
        raise typer.BadParameter(f"{file} holds no events; write one JSON object a line", param_hint="--events")
    received = [event.received_at for event in found.events]
    return _everybody(found.events, _Span(min(received), max(received) + length), writer, whole=whole)


def _everybody(
    events: "Sequence[Event]", span: _Span, writer: "Writer | None", barred: frozenset[str] = frozenset(),
    held: frozenset[str] = frozenset(), *, whole: bool,
) -> "Telling":  # fmt: skip
    from nurture.adapters.agents import kind_of_agent
    from nurture.adapters.calendar import is_holiday
    from nurture.simulation.apart import Setting, simulate

    silent = not whole and len(events) > _TIMELINE
    return lambda definitions: simulate(
        Setting(definitions, span.start, span.until, is_holiday, kind_of_agent, writer, held, barred, silent), events
    )


def _of_log(back: "timedelta", length: "timedelta", writer: "Writer | None", settings: "Settings", *, whole: bool) -> "Telling":
    from nurture import bootstrap
    from nurture.adapters.database.holding import held_sequences
    from nurture.reports.simulating import barred_before, replayed_events
    from nurture.simulation.story import from_then_on

    now = bootstrap.clock(settings).now()
    since = now - back
    with _reading(settings) as (connection, _):
        events, barred, held = replayed_events(connection, since), barred_before(connection, since), held_sequences(connection)
    start = min((event.received_at for event in events), default=since)
    tell = _everybody(events, _Span(min(start, since), now + length), writer, barred, held, whole=whole)
    return lambda definitions: from_then_on(tell(definitions), since)


def _of_person(email: str, length: "timedelta", writer: "Writer | None", settings: "Settings") -> "Telling":
    from nurture import bootstrap
    from nurture.adapters.agents import kind_of_agent
    from nurture.adapters.calendar import is_holiday
    from nurture.reports.simulating import standing_memory
    from nurture.simulation.engine import Simulation
    from nurture.simulation.story import from_then_on

    now = bootstrap.clock(settings).now()

    def tell(definitions: "Definitions") -> "Story":
        with _reading(settings) as (connection, releases):
            memory = standing_memory(connection, definitions, releases, email, now)
        simulation = Simulation(definitions, now, is_holiday, kind_of_agent, writer, memory=memory)
        simulation.run(now + length)
        return from_then_on(simulation.story(), now)

    return tell


def _writer(settings: "Settings") -> "Writer":
    from nurture.adapters.mail.writer import MailWriter
    from nurture.adapters.tokens import Tokens

    return MailWriter(settings.templates_dir, settings.public_url, Tokens(settings.secret))


def _length(written: str, option: str) -> "timedelta":
    from nurture.domain.duration import parse_duration

    try:
        return parse_duration(written)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _definitions(named: str, settings: "Settings") -> "Definitions":
    """Those of a folder, of a release, or those in force. Exit code 1 if they have mistakes."""
    if named != IN_FORCE and not named.isdecimal():
        return _of_folder(Path(named))
    from nurture.reports.simulating import release

    with _reading(settings) as (connection, releases):
        return releases.current(connection) if named == IN_FORCE else release(connection, int(named))


def _of_folder(folder: Path) -> "Definitions":
    from nurture.definitions.loader import load

    loaded = load(folder)
    for mistake in loaded.errors:
        typer.echo(str(mistake), err=True)
    if loaded.definitions is None or loaded.errors:
        raise typer.Exit(1)
    return loaded.definitions


@contextmanager
def _reading(settings: "Settings") -> "Iterator[tuple[Connection, Releases]]":
    """The database in force, in a transaction that only reads."""
    from nurture import bootstrap
    from nurture.reports.reading import snapshot

    database = bootstrap.database(settings)
    try:
        with snapshot(database.engine) as connection:
            yield connection, database.releases
    finally:
        database.engine.dispose()
