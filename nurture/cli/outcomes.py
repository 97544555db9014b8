"""`nurture report funnel`, `variants`, `pools` and `opens`: what came of people and mails since the beginning."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.printing import console, instant, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from rich.table import Table

    from nurture.reports.funnel import Funnel
    from nurture.reports.pools import PoolFigures
    from nurture.reports.variants import Rate, StepVariants

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

#: Characters of the longest bar.
_BAR = 28


def funnel(as_json: AsJson = False) -> None:
    """Print how many people went how far: visitors, engaged, downloads, leads, enrolled, mails, clicks, MQL."""
    from nurture.reports.funnel import funnel as figures

    with in_force() as installation:
        found = figures(installation.engine, installation.definitions)
    if as_json:
        print_json(found)
        return
    printer = console()
    for table in tables(found):
        printer.print(table)
    printer.print(
        f"events: {found.human_events} by humans, {found.machine_events} by machines, {found.unknown_events} unknown"
        " (machines count nowhere above)"
    )


def variants(
    sequence: Annotated[str | None, typer.Argument(help="A sequence; without it, all.")] = None,
    step: Annotated[str | None, typer.Argument(help="A step of the sequence; without it, all that have variants.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print how the variants of mails did, and which of them is the best, where there is enough evidence."""
    from nurture.reports.variants import variants as figures

    with in_force() as installation:
        found = figures(installation.engine, installation.definitions, sequence, step)
    if as_json:
        print_json(found)
        return
    printer = console()
    for each in found.steps:
        printer.print(_variants_table(each))
        printer.print(f"by clicks: {each.by_clicks.text}")
        if each.by_goal is not None:
            printer.print(f"by goal: {each.by_goal.text}")
        if each.left_out:
            printer.print(f"left out: {counted(each.left_out, 'mail')} sent while the step read otherwise")
    if not found.steps:
        printer.print("no step in force has variants")


def _variants_table(found: "StepVariants") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title=f"Sequence {found.sequence}, step {found.step}", title_justify="left")
    for heading in ("variant", "sent", "clicked", "rate (95 %)", "reached the goal", "rate (95 %)"):
        table.add_column(heading, justify="left" if heading == "variant" else "right", no_wrap=heading == "variant")
    for each in found.variants:
        clicked, reached = each.clicked, each.reached_goal
        table.add_row(
            each.variant, str(each.sent), str(clicked.mails), _share(clicked, each.sent), str(reached.mails),
            _share(reached, each.sent),
        )  # fmt: skip
    return table


def _share(rate: "Rate", sent: int) -> str:
    return f"{rate.rate:.1%} ({rate.low:.1%} to {rate.high:.1%})" if sent else ""


def pools(pool: Annotated[str | None, typer.Argument(help="A pool; without it, all.")] = None, as_json: AsJson = False) -> None:
    """Print what came of each piece of the pools of content, and how many people have seen everything."""
    from nurture.reports.pools import pools as figures

    with in_force() as installation:
        found = figures(installation.engine, installation.definitions, pool)
    if as_json:
        print_json(found)
        return
    printer = console()
    for each in found.pools:
        printer.print(_pool_table(each))
        for line in _pool_lines(each):
            printer.print(line)
    if not found.pools:
        printer.print("no pool is in force")


def opens(
    sequence: Annotated[str | None, typer.Argument(help="A sequence; without it, all.")] = None, as_json: AsJson = False
) -> None:  # fmt: skip
    """Print how often the mail of each step was opened, where opens are counted of nobody in particular."""
    from nurture.reports.opens import FEWEST
    from nurture.reports.opens import opens as figures

    with in_force() as installation:
        found = figures(installation.engine, installation.definitions, sequence)
        counted_here = installation.definitions.sending.tracking.opens == "aggregate"
    if as_json:
        print_json(found)
        return
    table = _table_of("sequence", "step", "sent", "opened")
    for each in found.steps:
        table.add_row(
            each.sequence,
            each.step,
            f"{each.sent:,}",
            f"fewer than {FEWEST} readers" if each.opened is None else f"{each.opened:,}",
        )
    printer = console()
    printer.print(table)
    printer.print("half of all opens are machines'; what readers do is told by clicks")
    if not counted_here:
        printer.print("opens are not counted now; 'tracking: {opens: aggregate}' in sending.yaml counts them")


def _table_of(*headings: str) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("sequence", "step") else "right")
    return table


def _pool_table(found: "PoolFigures") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    title = f"Pool {found.pool}: {counted(found.readers, 'person', 'people')} on its sequences so far"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("piece", "mailed to", "asset", "downloaded afterwards"):
        table.add_column(heading, justify="left" if heading in ("piece", "asset") else "right", no_wrap=heading == "piece")
    for each in found.pieces:
        downloaded = "" if each.downloaded is None else str(each.downloaded)
        table.add_row(each.email, str(each.mailed), each.asset or "", downloaded)
    return table


def _pool_lines(found: "PoolFigures") -> "Iterator[str]":
    for each in found.steps:
        last = f", the last by {instant(each.last_by)} UTC" if each.last_by else ""
        yield f"ran out at {each.sequence}/{each.step}: {counted(each.ran_out, 'person', 'people')}{last}"
    if not found.steps:
        yield "no step in force takes from it"
    yield f"one piece left: {counted(found.one_left, 'person', 'people')}; nothing left: {found.none_left}"
    if found.hint:
        yield found.hint


def tables(found: "Funnel") -> "Iterator[Table]":
    """The funnel as Rich tables: people, then each sequence's mails."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    people = Table(box=SIMPLE_HEAD, title="Funnel", title_justify="left")
    for heading in ("", "people", "of visitors", ""):
        people.add_column(heading, justify="right" if heading else "left")
    for name, count in _rows(found):
        share = count / found.visitors if found.visitors else 0.0
        people.add_row(name, str(count), f"{share:.0%}", "█" * round(_BAR * min(share, 1.0)))
    yield people
    for sequence in found.sequences:
        title = f"Sequence {sequence.sequence}: {sequence.enrolled} enrolled"
        mails = Table(box=SIMPLE_HEAD, title=title, title_justify="left")
        for heading in ("step", "sent", "clicked by", "rate", "skipped", "failed", "uncertain", "machine clicks"):
            mails.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=heading == "step")
        for step in sequence.steps:
            rate = f"{step.clicked / step.sent:.0%}" if step.sent else ""
            counts = (step.skipped, step.failed, step.uncertain, step.machine_clicks)
            mails.add_row(step.step, str(step.sent), str(step.clicked), rate, *map(str, counts))
        yield mails


def _rows(found: "Funnel") -> list[tuple[str, int]]:
    lead, *further = [(f"{each.stage} or further", each.people) for each in found.stages]
    return [
        ("visitors", found.visitors), ("engaged", found.engaged), ("downloads", found.downloads), lead,
        ("enrolled", found.enrolled), ("clicked in a mail", found.clicked), *further,
    ]  # fmt: skip
