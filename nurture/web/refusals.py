"""Saying no: what was wrong, and where."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse

from nurture.errors import JournalFull, NurtureError, StreamFull, Unavailable

#: Seconds after which trying again is worth while: Redis restarts in a moment, a full backlog or journal takes longer to drain.
RETRY_AFTER: Final = 2
RETRY_AFTER_FULL: Final = 10


_HEADERS: Final[Mapping[int, Mapping[str, str]]] = {
    401: {"www-authenticate": 'Basic realm="write key"'},
    405: {"allow": "POST"},
    408: {"connection": "close"},  # the rest of the body may still come
}


class Refusal(NurtureError):
    """A request that cannot be taken as it is; correct what the answer names.

    `status` is the HTTP status, `code` a word for programs, `field` the place in the request (`properties.price`), `retry_after`
    the seconds after which the same request may be taken.
    """

    who_acts = "web engineer"

    def __init__(self, status: int, code: str, message: str, field: str | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        """What belongs to the answer beside its body."""
        headers: dict[str, str] = dict(_HEADERS.get(self.status, {}))
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return headers

    def told(self) -> dict[str, Any]:
        """What the sender is told."""
        place = {} if self.field is None else {"field": self.field}
        return {"code": self.code, **place, "message": self.message}


def invalid(code: str, message: str, field: str | None = None) -> Refusal:
    """A refusal of something that can be read but not be true (422)."""
    return Refusal(422, code, message, field)


def refused(refusal: Refusal) -> JSONResponse:
    """The answer to a refused request."""
    return JSONResponse({"success": False, **refusal.told()}, refusal.status, refusal.headers())


def retry_after(error: Unavailable) -> str:
    """The value of the Retry-After header."""
    return str(RETRY_AFTER_FULL if isinstance(error, StreamFull | JournalFull) else RETRY_AFTER)


def unavailable(error: Unavailable) -> JSONResponse:
    """The answer when nothing can take the event: whoever sent it keeps it and comes again."""
    told = {"success": False, "code": "unavailable", "message": "Nothing was taken. Please try again later."}
    return JSONResponse(told, 503, {"retry-after": retry_after(error)})


async def on_refusal(_request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for Refusal."""
    assert isinstance(error, Refusal)
    return refused(error)


async def on_unavailable(_request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler for Unavailable."""
    assert isinstance(error, Unavailable)
    return unavailable(error)
