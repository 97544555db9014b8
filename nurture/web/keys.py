"""Write keys: who may send events, and under which name they are kept."""

import re
from base64 import b64decode
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any, Final
from urllib.parse import parse_qsl

from nurture.errors import SettingsError
from nurture.web.bodies import Headers
from nurture.web.refusals import Refusal

#: Sources that the engine gives itself; no key may bear such a name.
_OWN_SOURCES: Final = re.compile(r"engine|form:.*")


class WriteKeys:
    """The public write keys by name. Raises SettingsError when a name is the engine's own."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        own = [name for name in keys if _OWN_SOURCES.fullmatch(name)]
        if own:
            raise SettingsError(f"NURTURE_WRITE_KEYS: {', '.join(own)} is the engine's own name; call the key otherwise")
        self._keys = [(name, key.encode()) for name, key in keys.items()]

    def source(self, raw: Any, headers: Headers, query: bytes) -> str:
        """The name of the key that a request shows: in its body, its Authorization or its query, looked for in this order.

        Raises Refusal (401). How long it takes says nothing about how much of a key was right.
        """
        shown = _shown(raw, headers, query)
        found = None
        for name, key in self._keys:
            if compare_digest(key, shown):
                found = name
        if found is None:
            what = "this write key is not known" if shown else "show a write key: writeKey in the body, or Authorization"
            raise Refusal(401, "unknown_key", what, "writeKey")
        return found


def _shown(raw: Any, headers: Headers, query: bytes) -> bytes:
    key = raw.get("writeKey") if isinstance(raw, dict) else None
    if isinstance(key, str) and key:
        return key.encode()
    authorization = headers.get(b"authorization")
    if authorization:
        return _authorized(authorization)
    if b"writeKey" in query:
        return dict(parse_qsl(query)).get(b"writeKey", b"")
    return b""


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
