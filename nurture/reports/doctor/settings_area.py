"""Settings: what no validation can know to be wrong, but what is seldom meant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from nurture.adapters.mail.server import parse_url
from nurture.errors import SettingsError
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient
from nurture.settings import Settings

#: Hosts that only this machine reaches.
LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})

#: Rights that others than the owner have.
_OTHERS: Final = 0o077

BOOK: Final = Book(
    "settings",
    {
        "settings-wrong": Code(
            "error", "The environment is set wrongly, and no process starts.", "correct the variables named, then start again"
        ),
        "settings-development": Code(
            "note",
            "The engine runs in development mode: /inbox shows all mail, and keys are made by themselves.",
            "set NURTURE_MODE=production where real people are written to",
        ),
        "public-url-local": Code(
            "error",
            "Links in mail lead to the reader's own machine.",
            "set NURTURE_PUBLIC_URL to the https:// address that people reach the web process at",
        ),
        "public-url-elsewhere": Code(
            "warning",
            "Links lead to another port of this machine than the web process listens on.",
            "let NURTURE_PUBLIC_URL and NURTURE_PORT name the same port, or leave NURTURE_PUBLIC_URL out",
        ),
        "key-file-open": Code(
            "warning",
            "Others on this machine can read a key.",
            "take their rights away",
            "chmod 600 {about}",
        ),
        "mail-in-the-clear": Code(
            "warning",
            "The password of a mail server, and all mail, go over the network unencrypted.",
            "delete starttls=off from its URL, or use smtps://",
        ),
        "redis-open": Code(
            "warning",
            "Redis is on another machine and takes anybody: whoever reaches its port reads and writes events.",
            "give Redis a password (`requirepass`) and name it in NURTURE_REDIS_URL",
        ),
        "bounces-unheard": Code(
            "warning",
            "Nothing tells of bounces and complaints: mail goes on to addresses that are dead, which ruins the sender's reputation.",
            "name the mailbox of bounces in NURTURE_IMAP_URL, or let the provider tell by webhook (docs/hooks.md)",
        ),
        "database-one-machine": Code(
            "note",
            "In production the database is an SQLite file: all processes must run on this machine, and it alone has the data.",
            "keep copies of the file, or name a PostgreSQL in NURTURE_DATABASE_URL",
        ),
    },
)


class Rights(NamedTuple):
    """A file that holds a key, and its mode."""

    path: Path
    mode: int


def look(patient: Patient) -> Iterator[Finding]:
    """The settings as they are in force, and the files of keys."""
    yield from judged(patient.settings)
    yield from open_files(key_files(patient.settings))


def judged(settings: Settings) -> Iterator[Finding]:
    """What of the settings is seldom meant."""
    found = [*(_in_production(settings) if settings.production else _in_development(settings))]
    if not found:
        found.append(BOOK.fine(f"settings of {settings.mode}"))
    yield from found


def _in_production(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.public_url).hostname or ""
    if host in LOCAL:
        yield BOOK("public-url-local", f"NURTURE_PUBLIC_URL names {host}, which is every reader's own machine")
    yield from _transports_in_the_clear(settings)
    redis = urlsplit(settings.redis)
    if redis.scheme.startswith("redis") and redis.hostname not in LOCAL and redis.password is None:
        yield BOOK("redis-open", "NURTURE_REDIS_URL names another machine and no password")
    if settings.imap_url is None and not settings.hook_secrets:
        yield BOOK("bounces-unheard", "neither NURTURE_IMAP_URL nor NURTURE_HOOK_SECRETS is set")
    if settings.database.startswith("sqlite"):
        yield BOOK("database-one-machine", "the database is an SQLite file")


def _transports_in_the_clear(settings: Settings) -> Iterator[Finding]:
    for name, url in settings.transports.items():
        try:
            server = parse_url(url)
        except SettingsError:
            continue  # the area smtp tells of it
        if server.user is not None and server.starttls == "off" and not server.tls and server.host not in LOCAL:
            yield BOOK("mail-in-the-clear", f"the transport {name} sends its password and all mail unencrypted to {server.host}")


def _in_development(settings: Settings) -> Iterator[Finding]:
    yield BOOK("settings-development", "development mode")
    public = urlsplit(settings.public_url)
    if public.hostname in LOCAL and (public.port or 80) != settings.port:
        yield BOOK(
            "public-url-elsewhere", f"NURTURE_PUBLIC_URL is {settings.public_url}, the web process listens on {settings.port}"
        )


def key_files(settings: Settings) -> Iterator[Rights]:
    """The files of this machine that hold keys."""
    dkim = sorted(settings.dkim_folder.glob("*")) if settings.dkim_folder.is_dir() else []
    for path in (settings.data_dir / "keys.json", settings.redis_url_file, *dkim):
        if path.is_file():
            yield Rights(path, path.stat().st_mode)


def open_files(files: Iterator[Rights]) -> Iterator[Finding]:
    """Those that others may read."""
    for path, mode in files:
        if mode & _OTHERS:
            yield BOOK("key-file-open", f"others can read {path}", str(path))


CHECKS: Final = (Check("settings", "the settings", look),)
