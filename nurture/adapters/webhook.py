"""Calls to endpoints, signed after the Standard Webhooks specification 1.0, all of a batch at once."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from ssl import SSLContext
from typing import Final

import httpx
from standardwebhooks import Webhook

from nurture.adapters.outbound import NotToBeCalled, Resolve, judged, look_up
from nurture.domain.outward import Network
from nurture.domain.telling.calls import Answer, Call

#: An endpoint has this long for all of its answer. Seconds.
TIMEOUT: Final = 15.0

#: What is kept of an error's words.
_LONGEST_DETAIL: Final = 200


class WebhookCaller:
    """Fulfils `ports.Caller` over HTTP; `secrets` are `whsec_…` by name.

    Redirects are not followed: the receiver that was configured is the one that gets the data. An answer's body is not read.
    What is no public address is called only if it lies in one of the networks `allowed`. Neither a proxy nor a password that
    the environment or a file names is used: a call goes straight to its receiver.
    """

    def __init__(
        self, secrets: Mapping[str, str], timeout: float = TIMEOUT, *,
        allowed: Sequence[Network] = (), resolve: Resolve = look_up,
    ) -> None:  # fmt: skip
        self._secrets = secrets
        self._timeout = timeout
        self._allowed = allowed
        self._resolve = resolve

    @cached_property
    def _tls(self) -> SSLContext:
        return httpx.create_ssl_context()  # reads all certificates of the system, so once

    def call(self, calls: Sequence[Call], at: datetime) -> list[Answer]:
        return asyncio.run(self._all(calls, at)) if calls else []

    async def _all(self, calls: Sequence[Call], at: datetime) -> list[Answer]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        # httpx bounds each read; only `_one` bounds an endpoint that sends a byte now and then.
        async with httpx.AsyncClient(verify=self._tls, timeout=None, limits=limits, trust_env=False) as client:  # noqa: S113 - see above
            return list(await asyncio.gather(*(self._one(client, call, at) for call in calls)))

    async def _one(self, client: httpx.AsyncClient, call: Call, at: datetime) -> Answer:
        if call.secret not in self._secrets:
            return Answer(call.delivery, None, f"there is no secret {call.secret!r}; add it to NURTURE_HANDOFF_SECRETS")
        try:
            async with asyncio.timeout(self._timeout):
                status, wait = await self._called(client, call, at)
                return Answer(call.delivery, status, f"HTTP {status}", wait)
        except TimeoutError:
            return Answer(call.delivery, None, f"no answer within {self._timeout:g} s")
        except NotToBeCalled as refused:
            return Answer(call.delivery, None, str(refused)[:_LONGEST_DETAIL])
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(call.delivery, None, f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL])

    async def _called(self, client: httpx.AsyncClient, call: Call, at: datetime) -> tuple[int, timedelta | None]:
        """The status that the receiver answers, and how long it asks to be left alone. It is called at an address that was judged; the name decides which certificate counts."""
        url = httpx.URL(call.url)
        addresses = await judged(url, self._allowed, self._resolve)
        patience = httpx.Timeout(None, connect=self._timeout / len(addresses))
        headers = {**self._headers(call, at), "host": url.netloc.decode("ascii")}
        for each in addresses:
            request = client.build_request(
                "POST", url.copy_with(host=each), content=call.body, headers=headers, timeout=patience,
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )  # fmt: skip
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if each == addresses[-1]:
                    raise
            else:
                await response.aclose()
                return response.status_code, retry_after(response.headers.get("retry-after"), at)
        raise NotToBeCalled(f"{url.host} has no address")

    def _headers(self, call: Call, at: datetime) -> dict[str, str]:
        number = str(call.delivery)
        return {
            "content-type": "application/json",
            "user-agent": "nurture",
            "webhook-id": number,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self._secrets[call.secret]).sign(number, at, call.body),
        }


def retry_after(said: str | None, at: datetime) -> timedelta | None:
    """How long after instant `at` a `Retry-After` header asks to wait, in seconds or until a date (RFC 9110 §10.2.3)."""
    if said is None:
        return None
    try:
        wait = timedelta(seconds=int(said)) if said.isascii() and said.isdigit() else parsedate_to_datetime(said) - at
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None
    return max(wait, timedelta())
