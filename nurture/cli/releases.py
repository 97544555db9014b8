"""`nurture plan`, `migrate`, `rollback` and `releases`, and what they share with `apply`: definitions, and people in flight."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, instant, print_json

if TYPE_CHECKING:
    from nurture.adapters.database.store import Database
    from nurture.domain.definitions import Definitions
    from nurture.domain.releasing import Wishes
    from nurture.flow.release import Released
    from nurture.ports import Clock
    from nurture.reports.plan import Plan
    from nurture.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="SEQUENCE/OLD:NEW",
        help="People on step OLD go on at step NEW, or leave by `end`; may be given several times.",
    ),
]  # fmt: skip
OwnMaps = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="OLD:NEW", help="People on step OLD go on at step NEW, or leave by `end`; may be given several times."
    ),
]
FinishOld = Annotated[
    bool, typer.Option("--finish-old", help="All who are in flight on what changes finish the version that they are on.")
]


class Base(NamedTuple):
    """An installation, and the release that was in force when the command began; None before the first."""

    settings: "Settings"
    database: "Database"
    clock: "Clock"
    newest: int | None


@contextmanager
def installation() -> Iterator[Base]:
    """The installation that the environment names; raises NurtureError when its database is away or has no tables."""
    from nurture import bootstrap
    from nurture.adapters.database.releasing import newest_release
    from nurture.reports.reading import snapshot

    settings = load_settings()
    database = bootstrap.database(settings)
    try:
        with snapshot(database.engine) as connection:
            newest = newest_release(connection)
        yield Base(settings, database, bootstrap.clock(settings), newest)
    finally:
        database.engine.dispose()


def plan(maps: Maps = None, finish_old: FinishOld = False, as_json: AsJson = False) -> None:
    """Tell what `nurture apply` would change: definitions, and people in flight. Changes nothing.

    Exit code 0: nothing would change. 2: something would, even if it would be refused. 1: the definitions hold mistakes.
    """
    with installation() as base:
        found = planned(base, in_folder(base.settings), wishes_of(maps, finish_old))
    _tell_plan(found, as_json, "nurture apply")
    raise typer.Exit(1 if found.mistakes else 2 if found.changed else 0)


def migrate(
    sequence: Annotated[str, typer.Argument(help="The sequence whose people are moved.", show_default=False)],
    maps: OwnMaps = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put the definitions in force and take everybody along who is in flight on a sequence, on whatever version they are.

    Like `nurture apply --map SEQUENCE/OLD:NEW`, with those as well who were left to finish an older version. Exit code 1 if it is
    refused.
    """
    written = [each if "/" in each else f"{sequence}/{each}" for each in maps or ()]
    wishes = wishes_of(written)._replace(whole=frozenset({sequence}))
    with installation() as base:
        wanted = in_folder(base.settings)
        if dry_run:
            found = planned(base, wanted, wishes)
            _tell_plan(found, as_json, f"nurture migrate {sequence}")
            raise typer.Exit(1 if found.refused else 0)
        released = put_in_force(base, wanted, wishes)
    tell_released(released, wanted, as_json, f"nurture migrate {sequence}")


def rollback(
    release: Annotated[int | None, typer.Argument(help="The release (the one before).", show_default=False)] = None,
    maps: Maps = None,
    finish_old: FinishOld = False,
    as_json: AsJson = False,
) -> None:
    """Put an earlier release in force again, as a new one. People in flight go along by the same rules as for `nurture apply`.

    The files stay as they are; `nurture up` leaves the rollback in force until they change. Exit code 1 if it is refused.
    """
    from nurture.adapters.database.releases import body_of, listed
    from nurture.errors import DefinitionError, Refused
    from nurture.reports.reading import snapshot

    with installation() as base:
        with snapshot(base.database.engine) as connection:
            ids = [each.id for each in listed(connection)]
            if len(ids) < 2:  # noqa: PLR2004 - the one in force, and one before
                raise Refused("there is no earlier release to go back to")
            wanted_id = ids[1] if release is None else release
            if wanted_id not in ids:
                raise Refused(f"there is no release {wanted_id}; `nurture releases` lists them")
            wanted = body_of(connection, wanted_id)
        missing = _unwritten(base.settings, wanted)
        if missing:
            raise DefinitionError(f"release {wanted_id} mails what is not there any more:\n" + "\n".join(missing))
        released = put_in_force(base, wanted, wishes_of(maps, finish_old), restores=wanted_id)
    tell_released(released, wanted, as_json, "nurture rollback" if release is None else f"nurture rollback {release}")


def releases(as_json: AsJson = False) -> None:
    """List what was ever put in force, the newest first."""
    from nurture.adapters.database.releases import listed
    from nurture.reports.reading import snapshot

    with installation() as base, snapshot(base.database.engine) as connection:
        found = listed(connection)
    if as_json:
        print_json([{**each._asdict(), "in_force": not index} for index, each in enumerate(found)])
        return
    rows = [
        (
            each.id,
            each.digest,
            instant(each.applied_at),
            f"puts {each.restores} back" if each.restores else "",
            "in force" if not index else "",
        )
        for index, each in enumerate(found)
    ]
    typer.echo("\n".join(aligned(rows, figures_first=True)) or "nothing was ever put in force; run `nurture apply`")


def in_folder(settings: "Settings") -> "Definitions":
    """The definitions of the configuration folder; tells their mistakes and ends with exit code 1 when there are any."""
    from nurture.bootstrap import load_definitions

    loaded = load_definitions(settings)
    if loaded.definitions is None or loaded.errors:
        for mistake in loaded.mistakes:
            typer.echo(str(mistake), err=True)
        raise typer.Exit(1)
    return loaded.definitions


def _unwritten(settings: "Settings", definitions: "Definitions") -> list[str]:
    """E-mails that definitions name and that are not in the folder of templates."""
    from nurture.adapters.mail.check import template_problems

    return [problem.what for problem in template_problems(settings.templates_dir, definitions) if isinstance(problem.path, str)]


def wishes_of(maps: list[str] | None, finish_old: bool = False) -> "Wishes":
    """What is wished for people in flight; raises BadParameter for a map that is not written as it should be."""
    from nurture.domain.releasing import Wishes

    by_sequence: dict[str, list[str]] = {}
    for each in maps or ():
        sequence, slash, steps = each.partition("/")
        if not (sequence and slash):
            raise typer.BadParameter(f"{each!r}: write SEQUENCE/OLD:NEW", param_hint="--map")
        by_sequence.setdefault(sequence, []).append(steps)
    return Wishes({name: _maps(steps) for name, steps in by_sequence.items()}, finish_old)


def _maps(maps: list[str]) -> dict[str, str]:
    """The maps of one sequence, from old to new."""
    found: dict[str, str] = {}
    for each in maps:
        old, colon, new = each.partition(":")
        if not (old and colon and new):
            raise typer.BadParameter(f"{each!r}: write OLD:NEW", param_hint="--map")
        if found.setdefault(old, new) != new:
            raise typer.BadParameter(
                f"step {old!r} is mapped to {found[old]!r} and to {new!r}; leave one out", param_hint="--map"
            )
    return found


def planned(base: Base, wanted: "Definitions", wishes: "Wishes") -> "Plan":
    """What would happen if these definitions came into force now."""
    from nurture.reports.plan import plan as look_ahead
    from nurture.reports.reading import snapshot

    with snapshot(base.database.engine) as connection:
        return look_ahead(connection, base.database.releases, wanted, wishes, base.clock.now())


def put_in_force(base: Base, wanted: "Definitions", wishes: "Wishes", restores: int | None = None) -> "Released":
    """Put definitions in force and move people, or change nothing."""
    from nurture.flow.release import release

    return release(base.database, wanted, wishes, base.clock.now(), seen=base.newest, restores=restores)


def tell_released(released: "Released", wanted: "Definitions", as_json: bool, command: str, **more: object) -> None:
    """What came of a release; ends with exit code 1 if it was refused. `more` is added to the JSON."""
    from nurture.adapters.database.figure_basis import basis_of
    from nurture.cli.plan_text import extent_of, refusal, summary
    from nurture.reports.changes import changes
    from nurture.reports.plan import sequence_plans

    found, refused = released.forecast, released.forecast.refused
    plans = sequence_plans(found, wanted)
    differs = changes(found.before, wanted)
    if as_json:
        told = {
            "applied": released.applied, "refused": refused, "digest": wanted.digest,
            "changes": [each.model_dump() for each in differs], "wishes": list(found.mistakes),
            "in_flight": {each.sequence: [group.model_dump() for group in each.in_flight] for each in plans if each.in_flight},
        }  # fmt: skip
        print_json(told | more)
    elif refused:
        stranded = [(each.sequence, group) for each in plans for group in each.in_flight if group.fate == "stranded"]
        typer.echo("\n".join(refusal(found.mistakes, stranded, command)), err=True)
    else:
        for change in differs if released.applied else ():
            typer.echo(f"  {change}")
        for line in summary(group for each in plans for group in each.in_flight):
            typer.echo(line)
        same = f"no definition changed: {wanted.digest} is in force already"
        typer.echo(f"in force: {wanted.digest} ({extent_of(wanted)})" if released.applied else same)
        if found.before is not None and basis_of(found.before) != basis_of(wanted):
            typer.echo(
                "reports count by other days, names or stages from now on; `nurture report rebuild` counts the past so", err=True
            )
    if refused:
        raise typer.Exit(1)


def _tell_plan(found: "Plan", as_json: bool, command: str) -> None:
    from nurture.cli.plan_text import lines_of, refusal

    if as_json:
        print_json(found)
        return
    typer.echo("\n".join(lines_of(found)))
    typer.echo("\n".join(refusal(found.mistakes, found.stranded, command)), nl=found.refused)
