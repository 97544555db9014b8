"""Who is logged in to the reports. A session is a signed cookie: nothing is stored, and it ends by itself.

There is one password. A session is signed with the secret key and the password together, so whoever changes either ends all.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from itsdangerous import BadData, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response

COOKIE: Final = "nurture_report"
PATH: Final = "/report"

#: A working day. Whoever reads on after it logs in again.
LASTS: Final = timedelta(hours=12)


class Sessions:
    """Begins, knows and ends sessions."""

    def __init__(self, secret: str, password: str, *, secure: bool) -> None:
        self._password = password
        # One key of both: of a list of keys each would do.
        self._signed = URLSafeSerializer(
            f"{secret}\n{password}", salt="report-session", signer_kwargs={"digest_method": sha256, "key_derivation": "hmac"}
        )
        self._secure = secure

    def knows(self, password: str) -> bool:
        """Whether a password is the one; it takes as long whatever is wrong with it."""
        return compare_digest(sha256(password.encode()).digest(), sha256(self._password.encode()).digest())

    def begin(self, response: Response, at: datetime) -> None:
        """Log a browser in."""
        response.set_cookie(
            COOKIE, self._signed.dumps((at + LASTS).timestamp()), max_age=int(LASTS.total_seconds()), path=PATH,
            secure=self._secure, httponly=True, samesite="lax",
        )  # fmt: skip

    def is_in(self, request: Request, at: datetime) -> bool:
        """Whether a browser is logged in."""
        try:
            until = self._signed.loads(request.cookies.get(COOKIE, ""))
        except BadData:
            return False
        return isinstance(until, float) and at.timestamp() < until

    def end(self, response: Response) -> None:
        """Log a browser out."""
        response.delete_cookie(COOKIE, path=PATH, secure=self._secure, httponly=True, samesite="lax")
