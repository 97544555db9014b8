"""The crowd's mail: what arrived in the development mailbox, read from its files as mail programs read it."""

from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple


class Mail(NamedTuple):
    """One mail as its reader sees it. `links` are those of the HTML part in their order, without the unsubscribe link."""

    message_id: str
    to: str
    at: datetime
    step: str
    sequence: str
    subject: str
    links: tuple[str, ...]
    unsubscribe: str


class Letterbox:
    """The mailbox's folder; `new` gives each mail once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self.mails: list[Mail] = []

    def new(self) -> list[Mail]:
        """What has arrived since the last look, in the order of arrival."""
        names = sorted({file.name for file in self._folder.glob("*.eml")} - self._seen)
        self._seen.update(names)
        arrived = [read_mail((self._folder / name).read_bytes()) for name in names]
        self.mails += arrived
        return arrived

    def __len__(self) -> int:
        """The files in the folder, seen or not."""
        return sum(1 for _ in self._folder.glob("*.eml"))


def read_mail(raw: bytes) -> Mail:
    """A mail of the engine, from the bytes of its file."""
    mail = BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)
    step, _template, sequence, _sender = str(mail["feedback-id"]).split(":")
    unsubscribe = str(mail["list-unsubscribe"]).strip("<> ")
    html = mail.get_body(("html",))
    links = _Links()
    links.feed(str(html.get_content()) if html is not None else "")
    return Mail(
        message_id=str(mail["message-id"]),
        to=mail["to"].addresses[0].addr_spec,
        at=parsedate_to_datetime(str(mail["date"])),
        step=step,
        sequence=sequence,
        subject=str(mail["subject"]),
        links=tuple(dict.fromkeys(link for link in links.found if "/c/" in link)),
        unsubscribe=unsubscribe,
    )


class _Links(HTMLParser):
    """Collects where the links of a mail lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        target = dict(attributes).get("href")
        if tag == "a" and target:
            self.found.append(target)
