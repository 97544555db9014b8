"""`nurture person`: one person's story, and why they did not get a mail."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.reports.wording import counted, length

if TYPE_CHECKING:
    from nurture.reports.story import EnrollmentLine, EventLine, Story
    from nurture.reports.why_not import WhyNot

app = typer.Typer(help="Look at one person.", no_args_is_help=True)

Who = Annotated[str, typer.Argument(metavar="EMAIL", help="An e-mail address, or an id: ours, a user's, a browser's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def show(
    email: Who,
    as_json: AsJson = False,
    events: Annotated[int, typer.Option(min=0, max=100_000, help="How many of the latest events.")] = 50,
) -> None:
    """Tell somebody's story: what is known, points and their rules, promotions and their causes, mails, events."""
    from nurture.errors import UnknownPerson
    from nurture.reports.story import story

    with in_force() as installation:
        try:
            found = story(installation.engine, installation.definitions, email, installation.at, events)
        except UnknownPerson as error:
            typer.echo(f"nurture: {error}", err=True)
            raise typer.Exit(1) from None
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(lines(found)))


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


def lines(found: "Story") -> Iterator[str]:
    """A story as text, a line at a time."""
    yield clean(found.email or "somebody without an address") + f" (person {found.person}; times are UTC)"
    yield from aligned([
        ("stage", f"{found.stage}, for {length(found.stage_seconds)}"),
        ("engagement", f"{found.engagement:.1f} points today"),
        ("fit", f"{found.fit} points, grade {found.grade}"),
        ("first seen", instant(found.first_seen_at)),
        ("last seen", instant(found.seen_at)),
        *([("suppressed", f"{found.suppression.reason}, {instant(found.suppression.at)}")] if found.suppression else []),
        *([("merged from", counted(len(found.merged), "anonymous person", "anonymous people"))] if found.merged else []),
    ])  # fmt: skip
    yield "\nknown by"
    yield from aligned((each.kind, each.value, f"since {instant(each.first_seen_at)}", each.source) for each in found.identifiers)
    if found.attributes:
        yield "\nattributes"
        yield from aligned((each.name, each.value, f"said {instant(each.at)}", each.source) for each in found.attributes)
    yield from _scores(found)
    if found.stage_changes:
        yield "\nstages"
        yield from aligned(
            (instant(each.at), f"{each.from_stage} → {each.to_stage}", f"by {each.rule}", each.cause, _what(each.event))
            for each in found.stage_changes
        )
    for run in found.enrollments:
        yield from _run(run)
    if found.events:
        shown = "" if len(found.events) == found.events_in_all else f" (the latest {len(found.events)} of {found.events_in_all})"
        yield f"\nevents{shown}"
        yield from aligned((instant(each.at), each.name, each.about, _remark(each)) for each in found.events)


def _scores(found: "Story") -> Iterator[str]:
    yield "\nengagement"
    points: list[tuple[str, ...]] = [
        (f"{each.points:+.1f}", each.rule, str(each.day), _hits(each.hits, each.counted)) for each in found.engagement_lines
    ]
    if found.engagement_unexplained:
        points.append((f"{found.engagement_unexplained:+.1f}", "from rules that changed since; see `nurture verify`"))
    yield from aligned([*points, (f"{found.engagement:.1f}", "in all")], figures_first=True)
    yield "\nfit"
    fit = [(f"{each.points:+d}", each.rule) for each in found.fit_lines]
    if found.fit_unexplained:
        fit.append((f"{found.fit_unexplained:+d}", "from rules or facts that changed since"))
    yield from aligned([*fit, (str(found.fit), f"in all: grade {found.grade}")], figures_first=True)


def _hits(hits: int, counted: int) -> str:
    times = "once" if hits == 1 else f"{hits} times"
    return times if hits == counted else f"{times}, {counted} counted"


def _run(run: "EnrollmentLine") -> Iterator[str]:
    if run.ended_at is not None:
        standing = f"{run.status} {instant(run.ended_at)} ({run.reason})"
    else:
        standing = f"{run.status} at step {run.step}" + (f", next at {instant(run.due_at)}" if run.due_at else "")
    yield ""
    yield clean(f"sequence {run.sequence}: entered {instant(run.entered_at)}, {standing}")
    yield from aligned(
        (
            instant(each.sent_at or each.due_at or each.planned_at), each.step, each.status,
            " ".join(filter(None, (each.reason, each.detail if each.status in ("failed", "uncertain") else None))),
            each.subject or "",
        )
        for each in run.messages
    )  # fmt: skip


def _what(event: "EventLine | None") -> str:
    return "" if event is None else " ".join(filter(None, (event.name, event.about)))


def _remark(event: "EventLine") -> str:
    """What an event earned, or why it is thought not to be a human's."""
    if event.verdict != "human":
        return f"{event.verdict}: {', '.join(event.verdict_reasons)}"
    return ", ".join(f"{each.rule} (capped)" if each.capped else f"{each.points:+d} {each.rule}" for each in event.points)
