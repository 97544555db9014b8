"""`nurture rescore`: who crosses which threshold when rules change, and everybody counted afresh."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.common import load_settings
from nurture.cli.installation import in_force
from nurture.cli.printing import aligned, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.domain.definitions import Definitions
    from nurture.flow.rescore import Rescored
    from nurture.reports.crossings import Crossing, Crossings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def rescore(
    plan: Annotated[bool, typer.Option("--plan", help="Only say who would cross which threshold (as without --apply).")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Count everybody afresh under the definitions in force.")] = False,
    fire: Annotated[bool, typer.Option("--fire", help="With --apply: let the new totals promote and recycle at once.")] = False,
    current: Annotated[
        bool, typer.Option("--in-force", help="Plan with the definitions in force instead of those in the configuration folder.")
    ] = False,
    after: Annotated[int | None, typer.Option(help="With --apply: go on after the person with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count everybody afresh when rules changed. What was done because of the old scores is neither undone nor done again."""
    if plan and apply:
        raise typer.BadParameter("say either --plan or --apply", param_hint="--plan")
    if apply and current:
        raise typer.BadParameter("--apply always takes the definitions in force; put others in force by `nurture apply`")
    if not apply and (fire or after is not None):
        raise typer.BadParameter("goes with --apply", param_hint="--fire" if fire else "--after")
    if apply:
        _apply(fire, after, as_json)
    else:
        _plan(current, as_json)


def _plan(current: bool, as_json: bool) -> None:
    from nurture.reports.crossings import crossings

    wanted = None if current else _in_folder()
    with in_force() as installation:
        found = crossings(installation.engine, installation.definitions, wanted or installation.definitions, installation.at)
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_lines(found)))


def _in_folder() -> "Definitions":
    """The definitions of the configuration folder, which must be in order."""
    from nurture.bootstrap import load_definitions
    from nurture.errors import DefinitionError

    loaded = load_definitions(load_settings())
    if loaded.definitions is None or loaded.errors:
        mistakes = "\n".join(str(mistake) for mistake in loaded.errors)
        raise DefinitionError(f"the definitions cannot be planned with:\n{mistakes}")
    return loaded.definitions


def _lines(found: "Crossings") -> Iterator[str]:
    people = counted(found.people, "person", "people")
    yield f"{people} and {counted(found.events, 'human event')} computed afresh: {found.changed} would have another score or grade"
    for kind, title in (
        ("promotion", "promotions that rest on the person alone"), ("recycling", "recycling"),
        ("grade", "grades, each with the better ones"), ("matrix", "cells of the matrix"),
    ):  # fmt: skip
        crossed = [each for each in found.thresholds if each.kind == kind]
        if crossed:
            yield f"\n{title}"
            yield from aligned([("", "now", "then", "up", "down", "for instance"), *(_row(each) for each in crossed)])
    if found.biggest:
        yield "\nbiggest changes"
        yield from aligned(
            (f"person {each.person}", each.what, f"{each.before:.2f} → {each.after:.2f}", f"{each.after - each.before:+.2f}")
            for each in found.biggest
        )
    yield ""
    fired = counted(found.fires, "person", "people")
    yield f"nothing was changed. `nurture rescore --apply` moves nobody to another stage; with --fire {fired} would be promoted"
    yield "Without --fire they are promoted by what they do next, and whoever meets a recycling rule goes down when *cool* runs."


def _row(each: "Crossing") -> tuple[object, ...]:
    examples = [f"up {id_}" for id_ in each.up_examples[:2]] + [f"down {id_}" for id_ in each.down_examples[:2]]
    return each.name, each.before, each.after, f"+{each.up}", f"-{each.down}", ", ".join(examples)


def _apply(fire: bool, after: int | None, as_json: bool) -> None:
    from nurture import bootstrap
    from nurture.adapters.nudge import CeleryNudge
    from nurture.errors import NurtureError
    from nurture.flow.rescore import NOBODY, Rescored
    from nurture.flow.rescore import rescore as run

    settings = load_settings()
    database = bootstrap.database(settings)
    last = Rescored(after=NOBODY if after is None else after)

    def note(account: "Rescored") -> None:
        nonlocal last
        last = account
        progress(account)

    try:
        with _progress_line() as progress:
            account = run(database, bootstrap.clock(settings), note, fire=fire, after=last.after)
    except (KeyboardInterrupt, NurtureError):
        if last.people:
            further = f"nurture rescore --apply{' --fire' if fire else ''} --after {last.after}"
            typer.echo(f"nurture: {counted(last.people, 'person', 'people')} done; `{further}` does the rest", err=True)
        raise
    finally:
        database.engine.dispose()
    if account.moved or account.begun:
        nudge = CeleryNudge(settings.redis)
        for task in ("advance", "hand_off"):
            nudge(task)
        nudge.close()
    _tell(account, fire, as_json)


def _tell(account: "Rescored", fire: bool, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        print_json(asdict(account))
        return
    typer.echo(f"{counted(account.people, 'person', 'people')} counted afresh")
    if account.restarted:
        typer.echo("other definitions came into force meanwhile, so everybody was counted by those")
    if fire:
        runs = counted(account.begun, "run through a sequence", "runs through a sequence")
        typer.echo(f"{counted(account.moved, 'stage change')} and {runs} came of it")
    else:
        typer.echo("no stage was changed and nothing was sent or handed off")
    if account.left:
        typer.echo(
            f"{counted(account.left, 'person', 'people')} did too much to be counted at once and stayed as they were", err=True
        )
    if account.left:
        raise typer.Exit(1)


@contextmanager
def _progress_line() -> "Iterator[Callable[[Rescored], None]]":
    """A line that moves, where somebody looks at a terminal."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True, markup=False, highlight=False).status("counting") as status:
        yield lambda account: status.update(f"{account.people:,} people counted afresh, {account.moved:,} stage changes")
