"""`nurture pause` and `nurture resume`: a sequence is held, and goes on."""

from typing import Annotated

import typer

from nurture.cli.printing import print_json
from nurture.cli.releases import installation
from nurture.reports.wording import counted

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Named = Annotated[str, typer.Argument(help="The sequence.", show_default=False)]


def pause(
    sequence: Named,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever wonders.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Hold a sequence: nothing of it is mailed and nobody takes a step, until `nurture resume`.

    Nobody is sent away. Waits go on counting, goals and exits still end what they end, and whoever is triggered comes in.
    """
    from nurture.flow.hold import pause as hold

    if reason is not None and len(reason) > 200:  # noqa: PLR2004 - as long as the column that keeps it
        raise typer.BadParameter("say it in at most 200 characters", param_hint="--reason")
    with installation() as base:
        people = hold(base.database, sequence, reason, base.clock.now())
    if as_json:
        print_json({"sequence": sequence, "people": people})
    else:
        typer.echo(f"{sequence} is paused; {counted(people, 'person', 'people')} in flight stay where they are")


def resume(
    sequence: Named,
    over: Annotated[
        str, typer.Option(help="Spread over this time what came due meanwhile, such as 1h or 2d; 0s lets it all go at once.")
    ] = "1h",
    as_json: AsJson = False,
) -> None:
    """Let a sequence go on that was paused. What came due meanwhile is spread, and does not count as late."""
    from nurture.domain.duration import parse_duration
    from nurture.flow.hold import resume as go_on

    try:
        spread = parse_duration(over)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--over") from None
    with installation() as base:
        resumed = go_on(base.database, sequence, spread, base.clock.now())
    if as_json:
        print_json({"sequence": sequence, **resumed._asdict()})
    else:
        mails = f" and {counted(resumed.mails, 'mail')} that waited" if resumed.mails else ""
        typer.echo(f"{sequence} goes on: {counted(resumed.people, 'person', 'people')} in flight{mails}")
