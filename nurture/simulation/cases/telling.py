"""A timeline in the words of whoever writes cases."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from nurture.simulation.cases.seen import Clock
from nurture.simulation.story import Line, What

#: How much of a timeline is told before and after the instant that matters.
_BEFORE: Final = 8
_AFTER: Final = 4


def timeline(lines: Sequence[Line], clock: Clock, about: datetime) -> tuple[str, ...]:
    """What happened to somebody around an instant."""
    told = [(line.at, _WORDS[line.what](line, clock)) for line in lines if line.what in _WORDS]
    until = sum(at <= about for at, _ in told)
    near = told[max(0, until - _BEFORE) : until + _AFTER]
    return tuple(f"{clock.since(at):>10}  {clock.told(at):<16}  {words}" for at, words in near)


def _event(line: Line, _: Clock) -> str:
    verdict = "" if line.told["verdict"] == "human" else f" (by a machine: {', '.join(line.told.get('reasons', ()))})"
    return f"{line.told['event']}{verdict}"


def _until(line: Line, clock: Clock) -> str:
    until = line.told.get("until")
    return f" until {clock.told(until)}" if until is not None else ""


def _why(line: Line) -> str:
    return f" ({line.told['reason']})" if line.told.get("reason") else ""


_WORDS: Final[Mapping[What, Callable[[Line, Clock], str]]] = {
    What.EVENT: _event,
    What.SCORED: lambda line, _: f"{line.told['points'] * line.told['hits']:+} points ({line.told['rule']})",
    What.STAGE: lambda line, _: f"stage {line.told['from']} → {line.told['to']} ({line.told['rule']})",
    What.ENTERED: lambda line, _: f"enters {line.sequence} ({line.told['why']})",
    What.WAITS: lambda line, clock: f"{line.sequence} waits at {line.step}{_until(line, clock)}",
    What.WENT_ON: lambda line, _: f"{line.sequence} goes on: {line.step} {line.told['outcome']}",
    What.ALERT: lambda line, _: f"{line.told['endpoint']} is told ({line.step})",
    What.DEFERRED: lambda line, clock: f"mail {line.step} is put off{_until(line, clock)}{_why(line)}",
    What.SKIPPED: lambda line, _: f"mail {line.step} is not sent{_why(line)}",
    What.SENT: lambda line, _: f"mail {line.step}" + (f": {line.told['subject']}" if line.told.get("subject") else ""),
    What.FAILED: lambda line, _: f"mail {line.step} cannot be sent: {line.told.get('detail')}",
    What.ENDED: lambda line, _: f"{line.sequence} is over{_why(line)}",
}
