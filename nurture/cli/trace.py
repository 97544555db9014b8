"""`nurture trace`: the whole way of an event or a mail."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.printing import aligned, clean, instant, print_json
from nurture.reports.wording import counted

if TYPE_CHECKING:
    from redis import Redis

    from nurture.reports.trace import Trace
    from nurture.settings import Settings


def trace(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            show_default=False,
            help="A mail: its number, or its Message-ID. An event: its key, its id at its sender, a submission id, a provider's id, a stream entry.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(help="Whose id it is, such as website or form:guide; else all sources are tried.", show_default=False),
    ] = None,
    scan: Annotated[
        int, typer.Option(min=0, max=10_000_000, help="Entries looked at in each stream for what is in no table.")
    ] = 10_000,
    show_addresses: Annotated[
        bool, typer.Option("--show-addresses", help="Print e-mail addresses, which are hidden else.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell the way of an event, from the stream to what came of it, or of a mail, from what caused it to what was heard of it.

    Exit code 1 if nothing is found; it says then what was looked through, and whether that was all.
    """
    from nurture.adapters.tokens import Tokens
    from nurture.cli.common import load_settings
    from nurture.cli.installation import in_force
    from nurture.observability import Mask
    from nurture.reports.reading import snapshot
    from nurture.reports.trace import Asked, Places, sources_of
    from nurture.reports.trace import trace as follow

    settings = load_settings()
    word = what.strip().strip("<>").strip()
    redis = _redis_of(settings)
    with in_force() as base, snapshot(base.engine) as connection:
        sources = (source,) if source else sources_of(base.definitions, (*settings.write_keys, *settings.secret_keys))
        tokens = Tokens(settings.secret, settings.former_secrets)
        places = Places(connection, base.definitions, tokens, redis, settings.partitions)
        found = follow(places, Asked(word, sources, scan, show_addresses), Mask(settings.secret_values).text, base.at)
    if redis is not None:
        redis.close()
    if found.kind is None:
        found = found.model_copy(update={"notes": (*found.notes, *_in_journal(settings))})
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_lines(found)))
    raise typer.Exit(0 if found.kind else 1)


def _in_journal(settings: "Settings") -> Iterator[str]:
    """What this machine keeps while Redis is away is not looked through, but told."""
    from nurture.adapters.journal import standing

    events = standing(settings.journal_folder).events
    if events:
        yield f"{counted(events, 'event')} in the journal of this machine, until Redis takes it: not looked through"


def _redis_of(settings: "Settings") -> "Redis | None":
    from nurture.bootstrap import redis_client
    from nurture.errors import SettingsError

    try:
        return redis_client(settings)
    except SettingsError:
        return None


def _lines(found: "Trace") -> Iterator[str]:
    if found.kind is None:
        yield f"nothing is known of {clean(found.asked)}"
        for each in found.searched:
            if each.of:
                yield f"  looked through {each.entries} of {each.of} entries of {each.where}"
    yield from aligned((instant(each.at), each.what, each.text) for each in found.moments)
    for note in found.notes:
        yield f"note: {clean(note)}"
