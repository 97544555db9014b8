"""Going out to whoever vouches for a request: for a certificate, or to say yes to a subscription."""

from typing import Final

import httpx

from nurture.errors import Unavailable

#: Providers wait for our answer meanwhile. Seconds.
_PATIENCE: Final = 5.0


def visit(url: str) -> bytes:
    """What lies at an address, which the caller has looked at. Redirects are not followed; raises Unavailable."""
    try:
        answer = httpx.get(url, timeout=_PATIENCE, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{httpx.URL(url).host} does not answer ({type(error).__name__}); it is tried again") from None
    if answer.status_code != httpx.codes.OK:
        raise Unavailable(f"{httpx.URL(url).host} answers {answer.status_code}; it is tried again")
    return answer.content
