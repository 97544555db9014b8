"""The mailbox of bounces and replies: whether it lets us in. Nothing in it is touched."""

from collections.abc import Iterator
from typing import Final

from imap_tools import ImapToolsError, MailboxFolderSelectError, MailboxLoginError

from nurture.adapters.mail.imap import ImapAccount
from nurture.errors import SettingsError, Unavailable
from nurture.reports.doctor.examining import Check
from nurture.reports.doctor.finding import Book, Code, Finding
from nurture.reports.doctor.patient import Patient

BOOK: Final = Book(
    "imap",
    {
        "imap-settings": Code("error", "NURTURE_IMAP_URL names no account.", "write imaps://user:password@host/INBOX"),
        "imap-away": Code(
            "error",
            "The server of the mailbox cannot be reached.",
            "see that host and port of NURTURE_IMAP_URL are right, that it runs, and that its certificate is in order",
        ),
        "imap-login": Code(
            "error",
            "The server of the mailbox refuses the user name or the password.",
            "correct them in NURTURE_IMAP_URL; many providers want a password of its own for programs",
        ),
        "imap-folder": Code(
            "error", "The folder of the mailbox cannot be opened.", "correct what stands behind the host in NURTURE_IMAP_URL"
        ),
        "imap-unset": Code(
            "note", "No mailbox of bounces and replies is read.", "name it in NURTURE_IMAP_URL, unless the provider tells by webhook"
        ),
    },
)  # fmt: skip


def look(patient: Patient) -> Iterator[Finding]:
    """Log in, open the folder, and leave again."""
    if patient.settings.imap_url is None:
        yield BOOK("imap-unset", "NURTURE_IMAP_URL is not set")
        return
    try:
        account = ImapAccount(patient.settings.imap, patient.patience)
    except SettingsError as error:
        yield BOOK("imap-settings", str(error).partition("; ")[0])
        return
    try:
        with account.opened():
            yield BOOK.fine("the mailbox of NURTURE_IMAP_URL opens")
    except Unavailable as error:
        yield BOOK(_code_of(error), str(error).partition("; ")[0])


def _code_of(error: Unavailable) -> str:
    match error.__cause__:
        case MailboxLoginError():
            return "imap-login"
        case MailboxFolderSelectError():
            return "imap-folder"
        case ImapToolsError() | _:
            return "imap-away"


CHECKS: Final = (Check("imap", "the mailbox of bounces and replies", look, outside=True, patience=2),)
