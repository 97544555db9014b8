"""Calls to endpoints, signed after the Standard Webhooks specification 1.0, all of a batch at once."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from ssl import SSLContext
from typing import Final

import httpx
from standardwebhooks import Webhook

from nurture.ports import Answer, Call

#: An endpoint has this long for all of its answer. Seconds.
TIMEOUT: Final = 15.0

#: What is kept of an error's words.
_LONGEST_DETAIL: Final = 200


class WebhookCaller:
    """Fulfils `ports.Caller` over HTTP; `secrets` are `whsec_…` by name.

    Redirects are not followed: the receiver that was configured is the one that gets the data. An answer's body is not read.
    """

    def __init__(self, secrets: Mapping[str, str], timeout: float = TIMEOUT) -> None:
        self._secrets = secrets
        self._timeout = timeout

    @cached_property
    def _tls(self) -> SSLContext:
        return httpx.create_ssl_context()  # reads all certificates of the system, so once

    def call(self, calls: Sequence[Call], at: datetime) -> list[Answer]:
        return asyncio.run(self._all(calls, at)) if calls else []

    async def _all(self, calls: Sequence[Call], at: datetime) -> list[Answer]:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(verify=self._tls, timeout=None, limits=limits) as client:  # noqa: S113 - see _one
            return list(await asyncio.gather(*(self._one(client, call, at) for call in calls)))

    async def _one(self, client: httpx.AsyncClient, call: Call, at: datetime) -> Answer:
        if call.secret not in self._secrets:
            return Answer(call.delivery, None, f"there is no secret {call.secret!r}; add it to NURTURE_HANDOFF_SECRETS")
        try:
            # httpx bounds each read; only this bounds an endpoint that sends a byte now and then.
            async with asyncio.timeout(self._timeout):
                async with client.stream("POST", call.url, content=call.body, headers=self._headers(call, at)) as response:
                    return Answer(call.delivery, response.status_code, f"HTTP {response.status_code}")
        except TimeoutError:
            return Answer(call.delivery, None, f"no answer within {self._timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Answer(call.delivery, None, f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL])

    def _headers(self, call: Call, at: datetime) -> dict[str, str]:
        number = str(call.delivery)
        return {
            "content-type": "application/json",
            "user-agent": "nurture",
            "webhook-id": number,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self._secrets[call.secret]).sign(number, at, call.body),
        }
