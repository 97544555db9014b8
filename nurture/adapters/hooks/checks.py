"""The ways in which providers prove that a request is theirs. All comparisons take the same time however much of it is right."""

import hmac
import re
from base64 import b64decode
from binascii import hexlify
from collections.abc import Iterator
from hmac import compare_digest
from typing import Final

from nurture.adapters.hooks.base import Access, HookRefused, Post, not_theirs
from nurture.domain.mail.hook_reading import instant_of
from nurture.domain.mail.hooks import Signature

_PLACEHOLDER: Final = re.compile(r"\{([^{}\s]+)\}")


def shows_secret(post: Post, access: Access) -> None:
    """They show one of the secrets: in a header of its own if one is named, else as `Basic user:password` or `Bearer`."""
    name = access.hook.header or "authorization"
    shown = post.headers.get(name.lower(), "")
    offered = [shown] if access.hook.header else list(_authorized(shown))
    known = [each for secret in access.secrets for each in offered if compare_digest(secret.encode(), each.encode())]
    if not known:
        what = "is not the secret" if shown else "is missing"
        raise HookRefused(401, "credentials", f"what should be shown in the header {what}; set it at the provider", name)


def _authorized(shown: str) -> Iterator[str]:
    scheme, _, credentials = shown.partition(" ")
    if scheme.lower() == "bearer":
        yield credentials.strip()
    elif scheme.lower() == "basic":
        try:
            yield b64decode(credentials.strip(), validate=True).decode()
        except ValueError:
            return


def is_fresh(stamp: str | None, post: Post, access: Access, field: str) -> None:
    """A request that was stamped too long ago, or ahead of our clock, is somebody's recording."""
    at = instant_of(stamp) if stamp else None
    if at is None:
        raise not_theirs("there is no time stamp that can be read", field)
    if abs(post.at - at) > access.tolerance:
        raise HookRefused(403, "stale", "this was signed too long ago, or the clocks differ; look at both", field)


def header(post: Post, name: str) -> str:
    """A header that must be there."""
    value = post.headers.get(name.lower())
    if not value:
        raise not_theirs("this header is missing; switch signing on at the provider", name)
    return value


def key_bytes(secret: str) -> bytes:
    """The key that a secret stands for: `whsec_` is followed by base64, anything else is itself."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    return b64decode(secret.removeprefix("whsec_") + "==")


def is_signed(post: Post, access: Access, signature: Signature) -> None:
    """The HMAC in the header is that of the signed text, with one of the secrets."""
    text = _signed_text(post, signature.signed)
    digest = signature.algorithm.removeprefix("hmac-")
    offered = [each.removeprefix(signature.prefix) for each in header(post, signature.header).split()]
    for secret in access.secrets:
        mac = hmac.digest(key_bytes(secret), text, digest)
        if any(_is_written(mac, each, signature.encoding) for each in offered):
            return
    raise not_theirs("the signature does not fit; compare the secret with the provider's", signature.header)


def _is_written(mac: bytes, offered: str, encoding: str) -> bool:
    if encoding == "hex":
        return compare_digest(hexlify(mac), offered.lower().encode())
    try:
        return compare_digest(mac, b64decode(offered, validate=True))
    except ValueError:
        return False


def _signed_text(post: Post, template: str) -> bytes:
    """What was signed. Only what a template names is put in, once: a value that looks like a placeholder stays as it is."""
    parts = _PLACEHOLDER.split(template)
    return b"".join(each.encode() if index % 2 == 0 else _value(post, each) for index, each in enumerate(parts))


def _value(post: Post, name: str) -> bytes:
    if name == "body":
        return post.body
    return stamp_at(post, name).encode()


def stamp_at(post: Post, path: str) -> str:
    """The plain value at a path in the body, or in a header."""
    if path.startswith("header:"):
        return header(post, path.removeprefix("header:"))
    value = post.document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, str | int):
        raise not_theirs("nothing stands here that could be signed", path)
    return str(value)
