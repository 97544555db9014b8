"""`/inbox`, in development: the mails the engine has sent, as the .eml files that the development mailbox keeps."""

import re
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from nurture.web.pages import Pages

#: Mails listed; older ones are still in the folder.
_LISTED: Final = 500

_HEAD: Final = re.compile(r"<head[^>]*>", re.IGNORECASE)

#: A mail runs nothing and calls nobody; images come from ourselves or from the mail.
_MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


class Line(NamedTuple):
    """One mail in the list."""

    name: str
    date: str
    to: str
    subject: str


class Inbox:
    """The endpoints."""

    def __init__(self, folder: Path, pages: Pages) -> None:
        self._folder = folder
        self._pages = pages

    async def index(self, request: Request) -> Response:
        """All mails, newest first."""
        files = await run_in_threadpool(self._newest_first)
        lines = await run_in_threadpool(lambda: [_line(file) for file in files[:_LISTED]])
        return self._pages.page(request, "inbox.html", title="Inbox", mails=lines, total=len(files))

    async def show(self, request: Request) -> Response:
        """One mail: its headers, the HTML part in a frame that can do nothing, the text part."""
        file = self._file(request)
        mail = _parsed(file.read_bytes())
        return self._pages.page(
            request, "mail.html", name=file.name, title=_header(mail, "subject") or "(no subject)",
            headers=[(name, str(value)) for name, value in mail.items()], html=_part(mail, "html") is not None,
            text=_part(mail, "plain"),
        )  # fmt: skip

    async def html(self, request: Request) -> Response:
        """The HTML part alone, for the frame; its links open in a window of their own."""
        part = _part(_parsed(self._file(request).read_bytes()), "html")
        if part is None:
            raise HTTPException(404)
        content = _HEAD.sub(lambda head: f'{head[0]}<base target="_blank">', part, count=1)
        headers = {"content-security-policy": _MAIL_POLICY, "referrer-policy": "no-referrer", "x-content-type-options": "nosniff"}
        return HTMLResponse(content, headers=headers)

    async def raw(self, request: Request) -> Response:
        """The mail as it went over the wire."""
        file = self._file(request)
        headers = {"content-disposition": f'attachment; filename="{file.name}"', "x-content-type-options": "nosniff"}
        return PlainTextResponse(file.read_bytes(), media_type="message/rfc822", headers=headers)

    def _newest_first(self) -> list[Path]:
        return sorted(self._folder.glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)

    def _file(self, request: Request) -> Path:
        """The file named; 404 for anything that does not lie directly in the folder."""
        name: str = request.path_params["name"]
        file = self._folder / name
        if not re.fullmatch(r"[\w.@+-]+\.eml", name) or file.is_symlink() or not file.is_file():
            raise HTTPException(404)
        return file


def _parsed(raw: bytes, *, headers_only: bool = False) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw, headersonly=headers_only)


def _line(file: Path) -> Line:
    mail = _parsed(file.read_bytes(), headers_only=True)
    return Line(file.name, _date(mail), _header(mail, "to"), _header(mail, "subject"))


def _date(mail: EmailMessage) -> str:
    date = getattr(mail.get("date"), "datetime", None)
    return f"{date:%Y-%m-%d %H:%M}" if isinstance(date, datetime) else ""


def _header(mail: EmailMessage, name: str) -> str:
    return str(mail.get(name, ""))


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content())
    except LookupError:  # a charset that nobody knows
        payload: Any = part.get_payload(decode=True)
        return str(payload, errors="replace")
