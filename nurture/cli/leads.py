"""`nurture leads`: whom sales should call now, and what they answered."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nurture.cli.installation import Installation, in_force
from nurture.cli.person import Who, put_on_stream, somebody
from nurture.cli.printing import clean, console, instant, print_json

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rich.table import Table

    from nurture.reports.calling import Lead

app = typer.Typer(help="Whom sales should call now, and what they answered.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Stage = Annotated[
    list[str] | None,
    typer.Option("--stage", help="Only people at this stage; may be given several times. Without it: all to be called."),
]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many.")]


@app.callback(invoke_without_command=True)
def leads(
    context: typer.Context,
    stage: Stage = None,
    limit: Limit = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, which a spreadsheet opens safely.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh in place until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=0.5, max=3_600, help="Seconds between two looks.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """List whom to call now: who raised their hand first, then by grade × engagement × freshness; with why, when, and since when they wait."""
    if context.invoked_subcommand is not None:
        return
    if watch and (as_csv or as_json):
        raise typer.BadParameter("only the table can be watched", param_hint="--watch")
    with in_force() as installation:
        _refuse_unknown(installation, stage or ())
        if watch and sys.stdout.isatty():
            _watch(installation, stage or (), limit, interval)
            return
        found = _found(installation, stage or (), limit)
        at = installation.at
    if as_json:
        print_json([each.model_dump(mode="json") for each in found])
    elif as_csv:
        _print_csv(found)
    else:
        console().print(_table(found, at))


def _refuse_unknown(installation: Installation, stages: Sequence[str]) -> None:
    from nurture.domain.wording import instead

    known = installation.definitions.lifecycle.stages
    for each in stages:
        if each not in known:
            raise typer.BadParameter(f"unknown stage {clean(each)!r}; {instead(each, known)}", param_hint="--stage")


def _found(installation: Installation, stages: Sequence[str], limit: int) -> "list[Lead]":
    from nurture.reports.calling import leads_to_call
    from nurture.reports.reading import snapshot

    with snapshot(installation.engine) as connection:
        return leads_to_call(connection, installation.definitions, installation.clock.now(), stages=stages, limit=limit)


def _watch(installation: Installation, stages: Sequence[str], limit: int, interval: float) -> None:
    """Look again and again, in place. What the database does not answer for a while is told, and asked again."""
    import time
    from contextlib import suppress

    from rich.live import Live
    from rich.text import Text

    from nurture.errors import Unavailable

    with suppress(KeyboardInterrupt), Live(console=console(), auto_refresh=False, screen=False) as live:
        while True:
            try:
                live.update(_table(_found(installation, stages, limit), installation.clock.now()), refresh=True)
            except Unavailable as error:
                live.update(Text(clean(error)), refresh=True)
            time.sleep(interval)


def _table(found: "Sequence[Lead]", at: "datetime") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = f"{len(found)} to call, {at:%Y-%m-%d %H:%M} UTC" if found else "nobody is to be called now"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("who", "stage", "why", "score", "read last", "channel", "best time", "waits", "answer"):
        table.add_column(heading)
    for each in found:
        table.add_row(*map(clean, _row(each, at)))
    return table


def _row(lead: "Lead", at: "datetime") -> Iterator[object]:
    named = ", ".join(part for part in (lead.name, lead.company) if part)
    yield f"{lead.email or lead.person}{f' ({named})' if named else ''}"
    yield lead.stage
    yield f"{'asked: ' if lead.asked else ''}{lead.cause}"
    strongest = ", ".join(f"{line.rule} {line.points:g}" for line in lead.reasons)
    yield f"{lead.grade} {lead.engagement:g}{f': {strongest}' if strongest else ''}"
    yield lead.content or ""
    yield lead.channel or ""
    yield f"{lead.best_from}-{lead.best_until} {lead.timezone}{'' if lead.best_known else ' (usual)'}"
    late = f", OVERDUE by {_length(at - lead.answer_by)}" if lead.overdue and lead.answer_by else ""
    told = f", reminded {lead.reminders}×" if lead.reminders else ""
    yield f"{_length(at - lead.since)}{late}{told}"
    yield lead.last_answer or ""


def _length(span: "timedelta") -> str:
    """A length of time in its two greatest parts at most: `3d`, `4h`, `12min`."""
    minutes = max(0, int(span.total_seconds() // 60))
    if minutes >= 2 * 24 * 60:
        return f"{minutes // (24 * 60)}d"
    return f"{minutes // 60}h" if minutes >= 2 * 60 else f"{minutes}min"


def _print_csv(found: "Sequence[Lead]") -> None:
    import csv
    from io import StringIO

    from nurture.domain.imports.spreadsheet import guarded
    from nurture.reports.calling import Lead

    written = StringIO()
    names = [name for name in Lead.model_fields if name != "reasons"]
    sheet = csv.writer(written)
    sheet.writerow([*names, "reasons"])
    for each in found:
        told = each.model_dump(mode="json")
        reasons = "; ".join(f"{line.rule} {line.points:g}" for line in each.reasons)
        sheet.writerow([guarded(clean("" if value is None else value)) for value in (*(told[name] for name in names), reasons)])
    typer.echo(written.getvalue(), nl=False)


@app.command()
def show(who: Who, as_json: AsJson = False) -> None:
    """Show one lead: why they are worth a call, when, and what sales answered. Exit code 1 if nobody is known by it."""
    from nurture.reports.calling import lead_of
    from nurture.reports.people import find_person
    from nurture.reports.reading import snapshot

    with in_force() as installation, somebody(), snapshot(installation.engine) as connection:
        person = find_person(connection, who).person
        found = lead_of(connection, installation.definitions, person.id, installation.at)
        at = installation.at
    if as_json:
        print_json(found)
        return
    for line in _lines(found, at):
        typer.echo(line)


def _lines(lead: "Lead", at: "datetime") -> Iterator[str]:
    from nurture.cli.printing import aligned

    who, stage, why, score, content, channel, best, waits, _ = _row(lead, at)
    yield clean(f"{who}, person {lead.person}")
    answered = (lead.last_answer, instant(lead.last_answer_at), lead.last_answer_reason)
    told = [
        ("stage", f"{stage} since {instant(lead.since)}"), ("why", why), ("score", score), ("last read", content), ("channel", channel),
        ("do", lead.action_text), ("best time", f"{best}, next {instant(lead.best_next)}"), ("waits", waits),
        ("answer by", instant(lead.answer_by)), ("last answer", "  ".join(part for part in answered if part)),
    ]  # fmt: skip
    yield from aligned(row for row in told if row[1])


@app.command()
def answer(
    who: Who,
    said: Annotated[
        Literal["accepted", "rejected", "won", "lost"], typer.Argument(metavar="ANSWER", help="accepted, rejected, won or lost.")
    ],
    reason: Annotated[str | None, typer.Option(help="Why, above all when rejected or lost.")] = None,
    amount: Annotated[float | None, typer.Option(help="What the deal is worth.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer for a lead, as the CRM would: it moves on or goes back by the rules, and nobody is reminded of it any more."""
    from nurture.domain.answering import LONGEST_REASON, by_hand
    from nurture.reports.people import find_person
    from nurture.reports.reading import snapshot

    if reason is not None and not 0 < len(reason.strip()) <= LONGEST_REASON:
        raise typer.BadParameter(f"write 1 to {LONGEST_REASON} characters", param_hint="--reason")
    with in_force() as installation, somebody(), snapshot(installation.engine) as connection:
        person = find_person(connection, who).person
    event = by_hand(person.id, said, reason.strip() if reason else None, amount, installation.at)
    put_on_stream(event)
    if as_json:
        print_json({"person": str(person.id), "answer": said, "event": event.key, "stage": person.stage})
    else:
        typer.echo(f"{clean(person.email or f'person {person.id}')}: {said}; it takes effect as soon as a worker takes it in")
