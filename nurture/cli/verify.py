"""`nurture verify`: does what is stored follow from the event log?"""

from typing import Annotated

import typer

from nurture.cli.installation import in_force
from nurture.cli.printing import aligned, print_json
from nurture.reports.wording import counted

#: Differences that are kept to be printed; beyond them they are only counted.
_MOST = 1_000

#: Differences that are printed for a human.
_SHOWN = 50


def verify(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Compute every score and figure afresh from the event log and compare. Exit code 1 if anything differs."""
    from nurture.reports.verify import audit

    with in_force() as installation:
        found = audit(installation.engine, installation.definitions, _MOST)
    if as_json:
        differences = [each.model_dump(mode="json") for each in found.differences]
        counts = {"people": found.people, "events": found.events, "differing": found.differing, "waiting": found.waiting}
        print_json({**counts, "differences": differences})
    else:
        verdict = "nothing differs" if not found.differing else counted(found.differing, "difference")
        scope = f"{counted(found.people, 'person', 'people')} and {counted(found.events, 'human event')}"
        typer.echo(f"{verdict}: {scope} computed afresh")
        shown = (
            (
                "" if each.person is None else f"person {each.person}",
                each.what,
                each.name or "",
                f"stored {each.stored}",
                f"computed {each.computed}",
            )
            for each in found.differences[:_SHOWN]
        )
        for line in aligned(shown):
            typer.echo(line)
        if found.differing:
            typer.echo("After rules were changed by `nurture apply`, people differ until `nurture rescore --apply`.", err=True)
        if any(each.person is None for each in found.differences):
            typer.echo(
                "Figures that differ are put right by `nurture report rebuild`, which works beside everything else.", err=True
            )
        if found.waiting:
            waiting = counted(found.waiting, "person is", "people are")
            typer.echo(f"{waiting} due to be recounted and may differ until then; workers do it by themselves.", err=True)
    raise typer.Exit(1 if found.differing else 0)
