"""The first-party cookie by which a browser is known again, and the wish not to be."""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from nurture.domain.junk import is_junk
from nurture.web.bodies import Headers

COOKIE: Final = "nurture_id"

#: The longest life a browser grants (RFC 6265bis §5.5), in seconds.
LIFE: Final = 400 * 86_400

_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,128}")


def declines(headers: Headers) -> bool:
    """Whether a browser asks not to be followed: Global Privacy Control, or Do Not Track."""
    return headers.get(b"sec-gpc") == b"1" or headers.get(b"dnt") == b"1"


def objects(request: Request) -> bool:
    """Whether the browser that asks for a page asks not to be followed."""
    return declines(dict(request.scope["headers"]))


def known_visitor(request: Request) -> str | None:
    """The id in the cookie; nothing that could not be ours or names nobody."""
    found = request.cookies.get(COOKIE, "")
    return found if _ID.fullmatch(found) and not is_junk(found) else None


def remember(response: Response, visitor: str, *, secure: bool) -> None:
    """Set the cookie. The script reads it, so it is not HttpOnly; Safari keeps it longer than one that a script has set."""
    response.set_cookie(COOKIE, visitor, max_age=LIFE, path="/", secure=secure, httponly=False, samesite="lax")
