"""Anybody else's webhooks, as config/hooks.yaml describes them."""

from typing import Final

from nurture.adapters.hooks.base import Access, Adapter, Post
from nurture.adapters.hooks.checks import is_fresh, is_signed, shows_secret, stamp_at


def check(post: Post, access: Access) -> None:
    """What the hook's `signature` says; without it, the secret is shown."""
    signature = access.hook.signature
    if signature is None:
        shows_secret(post, access)
        return
    is_signed(post, access, signature)
    if signature.timestamp is not None:
        is_fresh(stamp_at(post, signature.timestamp), post, access, signature.timestamp)


ADAPTER: Final = Adapter(check, "As config/hooks.yaml says: post JSON to this address, signed with the secret, or showing it")
