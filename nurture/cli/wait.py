"""`nurture wait`: for scripts that go on once the engine is healthy."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.printing import print_json
from nurture.cli.status import look, problem_lines

if TYPE_CHECKING:
    from datetime import timedelta

    from nurture.reports.status import Status

#: Seconds between two looks: at first, at most, and by how much a pause is longer than the one before.
FIRST, LONGEST, GROWTH = 0.2, 5.0, 1.5


def wait(
    healthy: Annotated[bool, typer.Option("--healthy", help="Until nothing is wrong.")] = False,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="How long at most, such as 60s or 10m.")] = "60s",
    allow_degraded: Annotated[
        bool, typer.Option("--allow-degraded", help="Until everything moves, even if something wants a human.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the last status as JSON.")] = False,
) -> None:
    """Wait until the engine is healthy, and say meanwhile what is waited for. The exit code is that of `nurture status` at the end."""
    if not (healthy or allow_degraded):
        raise typer.BadParameter("name what is waited for: --healthy or --allow-degraded")
    last = until(look, _duration(timeout), allow_degraded=allow_degraded)
    if as_json:
        print_json(last)
    elif is_enough(last, allow_degraded=allow_degraded):
        typer.echo(last.verdict)
    else:
        typer.echo(f"{last.verdict} after {timeout}")
        for line in problem_lines(last.problems):
            typer.echo(line)
    raise typer.Exit(0 if is_enough(last, allow_degraded=allow_degraded) else last.exit_code)


def until(
    ask: "Callable[[], Status]", timeout: "timedelta", *, allow_degraded: bool = False,
    now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
) -> "Status":  # fmt: skip
    """Look until it is enough, or until the time is up; the last status. What is waited for is said on the error output, once each."""
    end, pause, said = now() + timeout.total_seconds(), FIRST, ""
    while True:
        found = ask()
        left = end - now()
        if is_enough(found, allow_degraded=allow_degraded) or left <= 0:
            return found
        first = next((each for each in found.problems if each.down or not allow_degraded), None)
        if first is not None and first.code != said:
            said = first.code
            typer.echo(f"{found.verdict}: {first.what}; waiting", err=True)
        sleep(min(pause, left))
        pause = min(pause * GROWTH, LONGEST)


def is_enough(found: "Status", *, allow_degraded: bool) -> bool:
    """Whether there is nothing left to wait for."""
    return found.verdict == "healthy" or (allow_degraded and found.verdict == "degraded")


def _duration(written: str) -> "timedelta":
    from nurture.domain.duration import parse_duration

    try:
        return parse_duration(written)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
