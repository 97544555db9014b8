"""Ids that are functions of what they name, so that doing a thing twice makes it once.

A person's id comes from the event that first showed them, an enrollment's from person, sequence and entry, a message's
from enrollment, step and pass. No round trip is needed to learn them and a repeated insert meets its own key.
"""

from hashlib import blake2b
from uuid import UUID


def event_key(source: str, message_id: str) -> UUID:
    """The 128-bit key under which an event is stored once, whatever sends it again."""
    return UUID(bytes=blake2b(f"{source}\n{message_id}".encode("utf-8", "surrogatepass"), digest_size=16).digest())


def stable_id(kind: str, *parts: object) -> int:
    """A positive 63-bit integer, equal for equal parts (birthday bound: about 5e-6 for ten million of a kind)."""
    text = "\n".join([kind, *map(str, parts)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
