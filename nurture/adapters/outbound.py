"""From a web address to an address of the network, looked up once and judged before anything is sent there.

Whoever answers for a name in the DNS may say something else a moment later (DNS rebinding). So what was judged is what is called.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Final

import httpx

from nurture.domain.outward import Network, literal, refusal, why_not_at

#: Of all the addresses of a name the first ones are tried.
_MOST_TRIED: Final = 3

#: The addresses of a host, as texts. Raises OSError if it has none.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class NotToBeCalled(Exception):
    """Nothing may be sent there; says why, and what to do."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


async def judged(url: httpx.URL, allowed: Sequence[Network], resolve: Resolve = look_up) -> list[str]:
    """The addresses at which a web address may be called, best first.

    One address that may not be called condemns the name. Raises NotToBeCalled, and httpx.ConnectError for a name without any.
    """
    host = url.raw_host.decode("ascii")
    try:
        address = literal(host)
    except ValueError as error:
        raise NotToBeCalled(f"{host}: {error}") from None
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        told = [str(address)] if address is not None else list(dict.fromkeys(await resolve(host, port)))
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} is not found ({error})") from None
    for each in told:
        kind = why_not_at(ip_address(each.partition("%")[0]), allowed)
        if kind is not None:
            raise NotToBeCalled(refusal(host if each == host else f"{host} ({each})", kind))
    return told[:_MOST_TRIED]
