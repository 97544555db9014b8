"""Keys: who may send events, under which name they are kept, and how far their word goes.

A *public* key stands in every page. It lets its holder write and nothing else; bound to origins, it is of no use to the pages
of others. What a program sends that is no browser cannot be told from what its owner's app sends, so a public key never makes
anything more than observed. A *secret* key is a server's: what it says of people is verified.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from nurture.domain.event import Assurance
from nurture.errors import SettingsError
from nurture.keys import WriteKey
from nurture.web.bodies import Headers
from nurture.web.redirects import origin_of
from nurture.web.refusals import Refusal

#: Sources that the engine gives itself; no key may bear such a name.
_OWN_SOURCES: Final = re.compile(r"engine|mailbox|(form|hook):.*")

#: What browsers add to a request and pages cannot leave out. `Sec-Fetch-Mode` proves nothing: Node.js sends it, too.
_ONLY_BROWSERS: Final = (b"origin", b"sec-fetch-site", b"sec-fetch-dest")


#: An origin is quoted up to here; longer ones are nobody's.
_LONGEST_SHOWN: Final = 200


class Sender(NamedTuple):
    """Whose key a request shows: the source of its events, and how far what they say of people is believed."""

    source: str
    assurance: Assurance = "observed"
    origins: frozenset[str] | None = None

    @property
    def vouches(self) -> bool:
        """Whether a server speaks, with a secret key."""
        return self.assurance == "verified"


class Keys:
    """All keys by name. Raises SettingsError when a name is the engine's own, or that of two keys."""

    def __init__(self, public: Mapping[str, WriteKey], secret: Mapping[str, str | tuple[str, ...]]) -> None:
        own = [name for name in (*public, *secret) if _OWN_SOURCES.fullmatch(name)]
        if own:
            raise SettingsError(
                f"NURTURE_WRITE_KEYS, NURTURE_SECRET_KEYS: {', '.join(own)} is the engine's own name; name the key otherwise"
            )
        both = sorted(public.keys() & secret.keys())
        if both:
            raise SettingsError(f"NURTURE_SECRET_KEYS: {', '.join(both)} is the name of a write key, too; give each its own")
        self._keys = [
            (key.encode(), Sender(name, "observed", written.origins))
            for name, written in public.items()
            for key in (written.key, *written.former)
        ]
        self._keys += [
            (key.encode(), Sender(name, "verified"))
            for name, keys in secret.items()
            for key in ((keys,) if isinstance(keys, str) else keys)
        ]

    def sender(
        self, raw: Any, headers: Headers, query: bytes, *, page: bytes | None = None, in_address: bool = False
    ) -> Sender:  # fmt: skip
        """Whose key a request shows: in its body, its Authorization or its query, looked for in this order.

        `page` is the address of the page that a request without Origin comes from, if it is known; `in_address` says that
        what stands for the body came in the query, too. Raises Refusal: 401 for no known key, 403 for a public key on a page
        it is not for and for a secret key that a browser shows. How long it takes says nothing about how much of a key was right.
        """
        shown, in_query = _shown(raw, headers, query)
        sender = None
        for key, holder in self._keys:
            if compare_digest(key, shown):
                sender = holder
        if sender is None:
            what = "this write key is not known" if shown else "show a write key: writeKey in the body, or Authorization"
            raise Refusal(401, "unknown_key", what, "writeKey")
        if sender.vouches:
            _keep_from_browsers(sender, headers, in_address=in_query or in_address)
        elif sender.origins is not None:
            _keep_to_its_pages(sender, sender.origins, headers, page)
        return sender


def _keep_from_browsers(sender: Sender, headers: Headers, *, in_address: bool) -> None:
    if in_address or any(header in headers for header in _ONLY_BROWSERS):
        where = "in an address" if in_address else "from a browser"
        raise Refusal(
            403,
            "secret_key_in_browser",
            f"the secret key {sender.source!r} was sent {where}, where others can read it: replace it, for it has leaked "
            "(`nurture keys new --secret`), and use a public key there",
            "writeKey",
        )


def _keep_to_its_pages(sender: Sender, origins: frozenset[str], headers: Headers, page: bytes | None) -> None:
    told = headers.get(b"origin")
    origin = told.decode("latin-1").lower() if told is not None else origin_of(page.decode("latin-1")) if page else None
    if origin is not None and origin not in origins:
        raise Refusal(
            403,
            "wrong_origin",
            f"the write key {sender.source!r} is not for pages of {origin[:_LONGEST_SHOWN]}: add this origin to the key in "
            "NURTURE_WRITE_KEYS, or use the key that is made for it",
            "writeKey",
        )


def _shown(raw: Any, headers: Headers, query: bytes) -> tuple[bytes, bool]:
    """The key, and whether it stands in the query."""
    key = raw.get("writeKey") if isinstance(raw, dict) else None
    if isinstance(key, str) and key:
        return key.encode(), False
    authorization = headers.get(b"authorization")
    if authorization:
        return _authorized(authorization), False
    if b"writeKey" in query:
        # As text: of bytes, what is beyond ASCII would be an error.
        return dict(parse_qsl(query.decode("latin-1"))).get("writeKey", "").encode("utf-8", "surrogatepass"), True
    return b"", False


def _authorized(authorization: bytes) -> bytes:
    """The key of `Basic base64(key:)` or `Bearer key`; nothing for anything else."""
    scheme, _, credentials = authorization.partition(b" ")
    credentials = credentials.strip()
    if scheme.lower() == b"bearer":
        return credentials
    if scheme.lower() == b"basic":
        try:
            return b64decode(credentials, validate=True).partition(b":")[0]
        except ValueError:
            return b""
    return b""
