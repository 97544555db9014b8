"""Where calls that somebody configured may go: to the public internet, and to what the operator has named.

Whoever may edit `handoff.yaml`, or the DNS of a receiver, could otherwise make the workers speak to what only they can reach: the
database, a cloud's metadata service, the router (OWASP, "Server-Side Request Forgery Prevention Cheat Sheet").
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: The machine itself; in development a receiver is usually there.
LOOPBACK: Final[tuple[Network, ...]] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

#: Addresses that hold an IPv4 address which the packet goes to in the end: NAT64 (RFC 6052), and 6to4 (RFC 3056).
_NAT64: Final = IPv6Network("64:ff9b::/96")

#: What begins or ends like a number is one to some resolvers: `2130706433`, `0177.0.0.1`, `0x7f.1` (WHATWG URL, "IPv4 parser").
_ENDS_IN_A_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)


def networks(text: str) -> tuple[Network, ...]:
    """Networks and single addresses, separated by spaces or commas; raises ValueError that says how they are written."""
    found = []
    for each in text.replace(",", " ").split():
        try:
            found.append(ip_network(each))
        except ValueError:
            raise ValueError("must be networks or addresses such as 10.20.0.0/16 or 192.168.7.4, separated by spaces") from None
    return tuple(found)


def why_not_at(address: Address, allowed: Iterable[Network] = ()) -> str | None:
    """What kind of address this is, if nothing may be called there; None if it may."""
    meant = _embedded(address)
    if any(each in network for network in allowed for each in (address, meant) if each.version == network.version):
        return None
    kinds = {
        "no address of anybody": meant.is_unspecified,
        "this machine itself": meant.is_loopback,
        "link-local, where clouds keep their secrets": meant.is_link_local,
        "an address of many": meant.is_multicast,
        "private": meant.is_private or (isinstance(meant, IPv6Address) and meant.is_site_local),
        "reserved": meant.is_reserved or not meant.is_global,
    }
    return next((kind for kind, applies in kinds.items() if applies), None)


def _embedded(address: Address) -> Address:
    """The IPv4 address that a packet to an IPv6 address ends up at, if it does; else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address


def literal(host: str) -> Address | None:
    """The address that a host is, None for a name. Raises ValueError for an address that is disguised."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return ip_address(bare)
    except ValueError:
        if ":" in bare or _ENDS_IN_A_NUMBER.fullmatch(bare):
            raise ValueError("this is an address in disguise; write it like 203.0.113.7, or use the name") from None
        return None


def why_not_to(host: str, allowed: Iterable[Network] = ()) -> str | None:
    """Why nothing may be called at a host, as far as its name alone tells; None if it may be, or if the DNS has to say."""
    try:
        address = literal(host)
    except ValueError as error:
        return str(error)
    if address is None:
        name = host.lower().rstrip(".")
        address = IPv4Address("127.0.0.1") if name == "localhost" or name.endswith(".localhost") else None
    kind = why_not_at(address, allowed) if address is not None else None
    return None if kind is None else refusal(host, kind)


def refusal(host: str, kind: str) -> str:
    """Why nothing is called at a host, and what to do about it."""
    return f"{host} is {kind}; if the receiver is yours, name its network in NURTURE_HANDOFF_ALLOW where the workers run"
