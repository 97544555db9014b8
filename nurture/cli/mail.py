"""`nurture mail`: what servers and readers mail back is read, from files, from a mail server's pipe, or from a mailbox."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, clean, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nurture.bootstrap import WorkerParts
    from nurture.domain.mail.feedback import Feedback
    from nurture.domain.mail.incoming import Unread
    from nurture.flow.fetch import Fetched

app = typer.Typer(help="Read what servers and readers mail back: bounces, complaints, replies.", no_args_is_help=True)

#: What mail servers understand (sysexits.h): the mail is wrong, there is none, and come again.
_DATA_ERROR: Final = 65
_NO_INPUT: Final = 66
_TRY_AGAIN: Final = 75

#: A mail is read from a pipe to its end, however long, or its server takes the pipe for broken; so much of it is kept.
_CHUNK: Final = 64 * 1024

#: Seconds between two looks into the mailbox.
_EVERY: Final = 60.0

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def read(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Mails as they came; - for one from standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what they say.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read mails that came back, for a mail server's pipe: |nurture mail read -

    Exit codes as of sysexits.h. 0: done. 65: a file tells nothing of a mail of ours. 66: a file is not there. 75: it could not be
    noted just now; try again. A mail from the pipe that tells nothing is done, too: nobody is to be told that it was not delivered.
    """
    with _or_try_again():
        found = _read(files, told=not dry_run)
    _show(found, as_json)
    unread = any(name != "-" and not isinstance(each, list) for name, each in found)
    raise typer.Exit(_DATA_ERROR if unread else 0)


@app.command()
def fetch(
    once: Annotated[bool, typer.Option("--once", help="Read what is there, and end.")] = False, as_json: AsJson = False
) -> None:
    """Read the mailbox of NURTURE_IMAP_URL. The workers do so by themselves every minute; this does it now, or without them."""
    from time import sleep

    from nurture.errors import Unavailable

    mine = _parts()
    while True:
        try:
            _tell(_fetched(mine), as_json)
        except Unavailable as error:
            if once:
                raise
            typer.echo(f"nurture: {error}", err=True)
        if once:
            return
        sleep(_EVERY)


def _fetched(mine: "WorkerParts") -> "Iterator[Fetched]":
    from nurture.flow.fetch import fetch as fetch_batch

    with mine.returned_mail() as mailbox:
        more = True
        while more:
            fetched = fetch_batch(mailbox, mine.mail_reader.read, mine.feedback, mine.clock)
            yield fetched
            more = fetched.more


def _tell(batches: "Iterator[Fetched]", as_json: bool) -> None:
    from collections import Counter

    mails, unread, kinds = 0, 0, Counter[str]()
    for each in batches:
        mails, unread, kinds = mails + each.mails, unread + each.unread, kinds + Counter(each.kinds)
    if as_json:
        print_json({"mails": mails, "unread": unread, "told": dict(kinds)})
    else:
        from nurture.reports.wording import counted

        told = "".join(f", {count} {kind}" for kind, count in sorted(kinds.items()))
        typer.echo(f"{counted(mails, 'mail')}{told}, {unread} of nothing that concerns us")


def _read(files: "Sequence[str]", *, told: bool) -> "list[tuple[str, Sequence[Feedback] | Unread]]":
    """What mails tell, which is written to the stream if wished.

    A mail server starts a process for each mail: so this imports neither the database nor Celery, and nudges nobody; beat's next
    sweep finds what was written.
    """
    from nurture.adapters.clock import clock_from
    from nurture.adapters.mail.incoming.reader import MailReader
    from nurture.adapters.prompt_writer import PromptWriter
    from nurture.adapters.tokens import Tokens
    from nurture.flow.fetch import tell
    from nurture.settings import Settings

    settings = Settings.load()  # nothing here writes a log
    at = clock_from(settings).now()
    reader = MailReader(Tokens(settings.secret, settings.former_secrets))
    found: list[tuple[str, Sequence[Feedback] | Unread]] = [(name, reader.read(_content(name), at)) for name in files]
    if told:
        stream = PromptWriter(settings.redis, settings.partitions, settings.max_backlog, lambda *_: None)
        tell((each for _, each in found), stream, at)
    return found


def _content(name: str) -> bytes:
    from nurture.adapters.mail.incoming.parts import LARGEST

    if name == "-":
        raw = sys.stdin.buffer.read(LARGEST)
        while sys.stdin.buffer.read(_CHUNK):
            pass
        return raw
    try:
        with Path(name).open("rb") as file:
            return file.read(LARGEST)
    except OSError as error:
        typer.echo(f"nurture: {name} cannot be read ({error.strerror})", err=True)
        raise typer.Exit(_NO_INPUT) from None


def _show(found: "list[tuple[str, Sequence[Feedback] | Unread]]", as_json: bool) -> None:
    from nurture.domain.mail.incoming import Unread

    if as_json:
        print_json([_as_json(name, each) for name, each in found])
        return
    lines = []
    for name, each in found:
        if isinstance(each, Unread):
            lines.append((name, "unread", "", "", each.reason))
        else:
            lines += [(name, one.kind, one.fault or "", one.code or "", one.detail or "") for one in each]
    for line in aligned(lines):
        typer.echo(line)


def _as_json(name: str, found: "Sequence[Feedback] | Unread") -> dict[str, Any]:
    from nurture.domain.mail.incoming import Unread

    if isinstance(found, Unread):
        return {"file": name, "unread": found.reason}
    told = [{"kind": each.kind, "message": each.message, "person": each.person, "fault": each.fault, "code": each.code,
             "detail": each.detail and clean(each.detail), "at": each.at.isoformat()} for each in found]  # fmt: skip
    return {"file": name, "told": told}


@contextmanager
def _or_try_again() -> Iterator[None]:
    """Whatever fails on our side is to be tried again: a mail server that is told anything else gives the mail up."""
    from nurture.errors import NurtureError

    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - a bug here must cost no mail; it is told, and the mail waits in the server's queue
        text = str(error) if isinstance(error, NurtureError) else type(error).__name__
        typer.echo(f"nurture: {text}", err=True)
        raise typer.Exit(_TRY_AGAIN) from None


def _parts() -> "WorkerParts":
    from nurture.bootstrap import WorkerParts

    return WorkerParts(load_settings())
