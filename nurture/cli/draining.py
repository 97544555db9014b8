"""`nurture drain`: nothing new begins, and the command waits for the end of what was begun."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.common import operator
from nurture.cli.held_target import Name, Target, What, target
from nurture.cli.holding import AsJson, Reason, check_reason, explained, hold_domain
from nurture.cli.printing import clean, instant, print_json
from nurture.cli.releases import Base, installation
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from redis import Redis

    from nurture.reports.under_way import Left, Watch

#: Seconds between two looks.
_EVERY = 0.5

#: Seconds between two lines where nobody looks at a terminal.
_TELLS_EVERY = 10.0


def drain(
    what: What,
    name: Name = None,
    reason: Reason = None,
    timeout: Annotated[
        str, typer.Option(help="How long to wait, such as 5m; 0s asks once. What is held stays held when the time is up.")
    ] = "1m",
    as_json: AsJson = False,
) -> None:
    """Hold something and wait until nothing of it is under way. Exit code 0: drained; 1: not yet, give the command again to go on waiting.

    Of a queue, or all: no worker begins anything, and the batches begun end; before maintenance of Redis or the database, or an upgrade.
    Of a domain: no mail begins, and those being handed over end. Of a sequence: nobody enters any more, and people in flight walk on to
    their end, which may take as long as the sequence does. `nurture resume` ends it.
    """
    from nurture.domain.duration import parse_duration

    wanted = target(what, name)
    if wanted.kind == "endpoint":
        raise typer.BadParameter(
            f"calls to an endpoint end within a minute by themselves; say `nurture pause {wanted.words}`", param_hint="WHAT"
        )
    check_reason(reason)
    try:
        patience = parse_duration(timeout).total_seconds()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timeout") from None
    began = time.monotonic()
    with installation() as base:
        with explained(wanted):
            _hold(base, wanted, reason)
        with _looking(base, wanted) as look:
            left = _wait(look, wanted, began + patience)
    waited = time.monotonic() - began
    if as_json:
        told = {"kind": wanted.kind, "name": wanted.name, "drained": left.nothing, "seconds": round(waited, 1)}
        print_json({**told, "left": left.model_dump(mode="json")})
    elif left.nothing:
        typer.echo(f"{wanted.told} is drained: nothing of it is under way; `nurture resume {wanted.words}` lets it go on")
    else:
        typer.echo(f"{wanted.told} is not drained yet: {told_of(left)}; give the command again to go on waiting")
    raise typer.Exit(0 if left.nothing else 1)


def _hold(base: Base, wanted: Target, reason: str | None) -> None:
    at, by = base.clock.now(), operator()
    if wanted.kind == "sequence":
        from nurture.flow.hold import drain as close

        close(base.database, wanted.name, reason, at, by)
    elif wanted.kind == "domain":
        hold_domain(base, wanted.name, reason, again=True)
    else:
        from nurture.domain.holds import Hold
        from nurture.flow.hold_queue import hold

        hold(base.database, Hold(wanted.kind, wanted.name, "draining", reason, at, by))


@contextmanager
def _looking(base: Base, wanted: Target) -> "Iterator[Callable[[], Left]]":
    """Asks what is left. While Redis does not answer, nobody can know."""
    from nurture.reports.reading import snapshot
    from nurture.reports.under_way import in_flight

    if wanted.kind == "sequence":

        def people() -> "Left":
            with snapshot(base.database.engine) as connection:
                return in_flight(connection, wanted.name)

        yield people
        return
    from nurture.adapters.broker import QUEUES
    from nurture.bootstrap import redis_client
    from nurture.reports.under_way import Watch

    redis = redis_client(base.settings)
    queues = {"queue": {wanted.name}, "all": set(QUEUES)}.get(wanted.kind, set())
    watch = Watch(queues, time.monotonic())
    try:
        yield lambda: _look(base, wanted, redis, watch)
    finally:
        redis.close()


def _look(base: Base, wanted: Target, redis: "Redis", watch: "Watch") -> "Left":
    from redis.exceptions import RedisError

    from nurture.errors import Unavailable
    from nurture.reports.reading import snapshot
    from nurture.reports.under_way import HEEDED, mails_under_way, signs_of_life

    try:
        left = watch.look(signs_of_life(redis), time.monotonic())
    except RedisError as error:
        text = f"Redis does not answer ({type(error).__name__}), so nobody knows what workers do; what is held stays held"
        raise Unavailable(text) from error
    if wanted.kind == "domain":
        to = _goes_to(wanted.name, base, redis)
        if time.monotonic() - watch.began < HEEDED:
            return left.model_copy(update={"unheard": ("every worker that sends",)})
    else:
        to = None
    if wanted.kind in {"domain", "all"} or wanted.name == "mail":
        with snapshot(base.database.engine) as connection:
            left = left.model_copy(update={"mails": mails_under_way(connection, base.clock.now(), to)})
    return left


def _goes_to(name: str, base: Base, redis: "Redis") -> Callable[[str], bool]:
    from nurture.adapters.mail_servers import MailServers

    families = MailServers(redis, asking=base.settings.production)
    return lambda domain: name in (domain, families([domain])[domain])


def _wait(look: "Callable[[], Left]", wanted: Target, until: float) -> "Left":
    """Look until nothing is left, or the time is up."""
    with _progress() as tell:
        while True:
            left = look()
            if left.nothing or time.monotonic() + _EVERY > until:
                return left
            tell(f"draining {wanted.told}: {told_of(left)}")
            time.sleep(_EVERY)


def told_of(left: "Left") -> str:
    """What is left, in words."""
    parts = []
    if left.people:
        next_due = f", the next step at {instant(left.next_due)} UTC" if left.next_due else ""
        parts.append(f"{counted(left.people, 'person', 'people')} in flight{next_due}")
    if left.tasks:
        parts.append(clean("running " + ", ".join(left.tasks)))
    if left.mails:
        parts.append(f"{counted(left.mails, 'mail')} in the hand of a worker")
    if left.unheard:
        parts.append(clean("no word yet of " + ", ".join(left.unheard)))
    if left.mute:
        parts.append(clean(f"{', '.join(left.mute)} of an older version, which knows nothing of holds: restart it"))
    return "; ".join(parts)


@contextmanager
def _progress() -> Iterator[Callable[[str], Any]]:
    """A line that moves where somebody looks at a terminal; else a line now and then."""
    import sys

    if not sys.stderr.isatty():
        told = [float("-inf")]

        def line(text: str) -> None:
            if time.monotonic() - told[0] >= _TELLS_EVERY:
                told[0] = time.monotonic()
                typer.echo(text, err=True)

        yield line
        return
    from rich.console import Console

    with Console(stderr=True, markup=False, highlight=False).status("draining") as status:
        yield status.update
