"""`nurture pause`, `resume` and `holds`: what an operator holds, and lets go on. `nurture drain` stands in its own module."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.common import operator
from nurture.cli.held_target import Name, Target, What, meant, target
from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.cli.releases import Base, installation
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from nurture.flow.hold_queue import WentOn
    from nurture.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reason = Annotated[str | None, typer.Option(help="Why, for whoever wonders.", show_default=False)]

#: As long as the column that keeps it.
_LONGEST_REASON = 200

#: What is woken when a queue goes on.
_WAKES = {"events": ("sweep", "recount"), "sequences": ("advance", "survey"), "mail": ("send",), "handoff": ("hand_off", "fetch")}


def pause(what: What, name: Name = None, reason: Reason = None, as_json: AsJson = False) -> None:
    """Hold a sequence, a queue of tasks, the mail to a domain, an endpoint of hand-offs, or everything, until `nurture resume`.

    `nurture pause guide` or `pause sequence guide`: nothing of it is mailed and nobody takes a step. Nobody is sent away: waits go on
    counting, goals and exits still end what they end, and whoever is triggered comes in.

    `pause queue mail` (events, sequences, mail, handoff) and `pause all`: workers begin nothing of it; what they have begun ends. Events
    go on being accepted and wait in the stream.

    `pause domain gmail.com`: no mail goes there. `pause endpoint crm`: it is not called, and what is due to it waits. Nothing that was
    held counts as late.
    """
    wanted = target(what, name)
    check_reason(reason)
    with installation() as base, explained(wanted):
        told = _pause(base, wanted, reason)
    if as_json:
        print_json({"kind": wanted.kind, "name": wanted.name, **told})
    else:
        typer.echo(_paused(wanted, told))


def _pause(base: Base, wanted: Target, reason: str | None) -> dict[str, Any]:
    at, by = base.clock.now(), operator()
    if wanted.kind == "sequence":
        from nurture.flow.hold import pause as hold_sequence

        return {"sequence": wanted.name, "people": hold_sequence(base.database, wanted.name, reason, at, by)}
    if wanted.kind == "domain":
        return {"since": hold_domain(base, wanted.name, reason)}
    if wanted.kind == "endpoint":
        _refuse_unless_there(base, wanted.name)
    from nurture.domain.holds import Hold
    from nurture.flow.hold_queue import hold

    return {"since": hold(base.database, Hold(wanted.kind, wanted.name, "paused", reason, at, by)).since}


def _refuse_unless_there(base: Base, endpoint: str) -> None:
    from nurture.domain.wording import instead
    from nurture.errors import Refused

    known = base.database.handing_off.definitions().handoff.endpoints
    if endpoint not in known:
        raise Refused(
            f"config/handoff.yaml defines no endpoint {endpoint!r}; {instead(endpoint, known) if known else 'it defines none'}"
        )


def hold_domain(base: Base, name: str, reason: str | None, *, again: bool = False) -> Any:
    """Hold the mail to a domain; since when it is held. Raises Refused if it is already, unless that is fine."""
    from nurture.domain.mail.brakes import Brake, Learned
    from nurture.errors import Refused

    at = base.clock.now()
    brake = Brake("domain", name, at, None, reason or "held by hand", operator())
    if base.database.routing.keep(Learned([brake], [], [])):
        return at
    since = base.database.routing.brakes()["domain", name].at
    if not again:
        raise Refused(
            f"mail to {name} is held already, since {since:%Y-%m-%d %H:%M} UTC; `nurture resume domain {name}` ends that"
        )
    return since


def _paused(wanted: Target, told: dict[str, Any]) -> str:
    match wanted.kind:
        case "sequence":
            people = counted(told["people"], "person", "people")
            return f"{wanted.name} is paused; {people} in flight stay where they are"
        case "domain":
            return f"mail to {wanted.name} is held; within a second none begins any more"
        case "endpoint":
            return f"{wanted.told} is called no more; what is due to it waits. Calls under way end within a minute"
        case "all":
            return "everything is held; within a second no worker begins anything. Events go on being accepted"
    return f"the queue {wanted.name} is held; within a second no worker begins anything of it"


def resume(
    what: What,
    name: Name = None,
    over: Annotated[
        str | None,
        typer.Option(
            help="Of a sequence: spread over this time what came due meanwhile, such as 2d; 1h unless said, 0s lets it all go at once.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let go on what was paused or drained. What came due meanwhile does not count as late; of a sequence it is spread."""
    wanted = target(what, name)
    if over is not None and wanted.kind != "sequence":
        raise typer.BadParameter(
            f"only a sequence is spread; {wanted.told} goes on at the rates of sending.yaml", param_hint="--over"
        )
    with installation() as base, explained(wanted):
        told, lines = _resume(base, wanted, over)
        wakes = {"sequence": ("advance", "send"), "domain": ("send",), "endpoint": ("hand_off",)}.get(wanted.kind) or tuple(
            task for queue, tasks in _WAKES.items() if wanted.kind == "all" or queue == wanted.name for task in tasks
        )
        wake(base.settings, wakes, again=wanted.kind in ("queue", "all"))
    if as_json:
        print_json({"kind": wanted.kind, "name": wanted.name, **told})
    else:
        typer.echo("\n".join(lines))


def _resume(base: Base, wanted: Target, over: str | None) -> tuple[dict[str, Any], list[str]]:
    if wanted.kind == "sequence":
        return _resume_sequence(base, wanted.name, over)
    if wanted.kind == "domain":
        from nurture.errors import Refused

        if not base.database.routing.lift("domain", wanted.name, base.clock.now()):
            raise Refused(f"mail to {wanted.name} is not held; `nurture holds` lists what is")
        return {}, [f"mail to {wanted.name} goes on"]
    from nurture.adapters.broker import QUEUES
    from nurture.flow.hold_queue import resume as go_on

    queues = () if wanted.kind == "endpoint" else QUEUES
    went_on = go_on(base.database, wanted.kind, wanted.name, queues, base.clock.now())
    told = {"not_late": went_on.not_late, "still_held": [each._asdict() for each in went_on.still]}
    return told, list(_went_on(wanted, went_on))


def _resume_sequence(base: Base, sequence: str, over: str | None) -> tuple[dict[str, Any], list[str]]:
    from nurture.domain.duration import parse_duration
    from nurture.flow.hold import resume as go_on

    try:
        spread = parse_duration(over or "1h")
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--over") from None
    resumed = go_on(base.database, sequence, spread, base.clock.now())
    mails = f" and {counted(resumed.mails, 'mail')} that waited" if resumed.mails else ""
    again = "; people enter again" if resumed.reopened else ""
    line = f"{sequence} goes on: {counted(resumed.people, 'person', 'people')} in flight{mails}{again}"
    return {"sequence": sequence, **resumed._asdict()}, [line]


def _went_on(wanted: Target, went_on: "WentOn") -> Iterator[str]:
    late = f"; {counted(went_on.not_late, 'row')} would be late by that, and are not" if went_on.not_late else ""
    yield f"{wanted.told} goes on after being held since {instant(went_on.hold.since)} UTC{late}"
    for each in went_on.still:
        also = "everything" if each.kind == "all" else f"the queue {each.name}"
        yield f"still held: {also}, since {instant(each.since)} UTC"


def wake(settings: "Settings", tasks: tuple[str, ...], *, again: bool) -> None:
    """Nudge workers; once more after the second in which they may not know yet that their queue goes on."""
    import time

    from nurture.adapters.database.queue_holds import LOOKS_EVERY
    from nurture.adapters.nudge import CeleryNudge
    from nurture.errors import SettingsError

    try:
        nudge = CeleryNudge(settings.redis)
    except SettingsError:  # nothing runs here that could be woken
        return
    for turn in range(2 if again else 1):
        if turn:
            time.sleep(LOOKS_EVERY)
        for task in tasks:
            nudge(task)
    nudge.close()


def holds(as_json: AsJson = False) -> None:
    """List what is held: everything, queues, sequences, domains, endpoints; since when, by whom and why. Brakes that hold mail back stand below."""
    from nurture.reports.braking import held_back
    from nurture.reports.holds import held
    from nurture.reports.reading import snapshot

    with installation() as base, snapshot(base.database.engine) as connection:
        at = base.clock.now()
        found, brakes = held(connection, at), list(held_back(connection, at))
    if as_json:
        print_json(
            {
                "held": [each.model_dump(mode="json") for each in found],
                "brakes": [each.model_dump(mode="json") for each in brakes],
            }
        )
        return
    for line in aligned(
        (each.what, each.how, f"since {instant(each.since)}", f"by {each.by or 'the engine'}", each.reason) for each in found
    ):
        typer.echo(line)
    if not found:
        typer.echo("nothing is held")
    for brake in brakes:
        until = f"until {instant(brake.until)}" if brake.until else "until lifted"
        typer.echo(f"  a brake (see `nurture brakes`): {clean(brake.holds)} waits {until}: {clean(brake.reason)}")


@contextmanager
def explained(wanted: Target) -> Iterator[None]:
    """A refusal of a sequence that there is not says what else may have been meant."""
    from nurture.errors import Refused

    try:
        yield
    except Refused as error:
        hint = meant(wanted)
        raise Refused(f"{error}.{hint}" if hint else str(error)) from None


def check_reason(reason: str | None) -> None:
    """Raise BadParameter for a reason that is too long to be kept."""
    if reason is not None and len(reason) > _LONGEST_REASON:
        raise typer.BadParameter(f"say it in at most {_LONGEST_REASON} characters", param_hint="--reason")
