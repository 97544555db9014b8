"""Form posts that were set aside, as far as they name an address: for `person why-not`."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError

from nurture.adapters.redis_keys import FIELD, QUARANTINE
from nurture.domain.event import EVENT
from nurture.domain.mail.mailboxes import mailbox_of
from nurture.errors import Unavailable
from nurture.reports.why_not import Finding

_PAGE: Final = 500

#: What the sign means that a mailbox was named too often, and by which it alone sets a post aside.
_TOO_OFTEN: Final = "its mailbox was named by too many form posts that day (breakers.form_posts in config/sending.yaml)"


def set_aside(redis: Redis, email: str) -> list[Finding]:
    """Why posts that name an address, or another of its mailbox, made nobody a lead; the newest first. Raises Unavailable."""
    try:
        return list(_findings(redis, mailbox_of(email)))
    except RedisError as error:
        raise Unavailable(f"Redis does not say what was set aside ({type(error).__name__}); start it, then ask again") from error


def _findings(redis: Redis, mailbox: str) -> Iterator[Finding]:
    found: dict[str, tuple[int, datetime]] = {}
    end = "+"
    while True:
        page: Any = redis.xrevrange(QUARANTINE, max=end, count=_PAGE)
        for _, fields in page:
            try:
                event = EVENT.validate_json(fields.get(FIELD, b""))
            except ValidationError:
                continue
            if event.email is not None and mailbox_of(event.email) == mailbox:
                signs = ", ".join(json.loads(fields.get(b"reasons", b"[]")))
                count, newest = found.get(signs, (0, event.received_at))
                found[signs] = count + 1, newest
        if len(page) < _PAGE:
            break
        end = f"({page[-1][0].decode()}"
    for signs, (count, newest) in found.items():
        posts = "a form post" if count == 1 else f"{count} form posts"
        why = _TOO_OFTEN if "mailbox" in signs.split(", ") else f"signs of spam: {signs}"
        yield Finding(
            code="quarantined",
            text=f"{posts} with this address lie in quarantine, and nobody is mailed for them: {why}",
            at=newest,
        )
