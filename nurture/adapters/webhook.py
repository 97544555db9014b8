"""Calls to endpoints, all of a batch at once: signed after the Standard Webhooks specification 1.0, or put as a shape says."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from ssl import SSLContext
from typing import Any, Final, NamedTuple

import httpx
from standardwebhooks import Webhook

from nurture.adapters.outbound import NotToBeCalled, Resolve, judged, look_up
from nurture.domain.outward import Network
from nurture.domain.telling.calls import Answer, Call
from nurture.domain.telling.shapes import PLACEHOLDER, Shape, Wanted, picked
from nurture.keys import FOR_WEBHOOKS
from nurture.shaping import CannotBeShaped, shaped

#: An endpoint has this long for all of its answers to one call. Seconds.
TIMEOUT: Final = 15.0

#: What is kept of an error's words.
_LONGEST_DETAIL: Final = 200

#: Of an answer that a shape asks something of, so much is read. Bytes.
_LARGEST_ANSWER: Final = 262_144

_JSON: Final = {"content-type": "application/json", "user-agent": "nurture"}


class _Heard(NamedTuple):
    """What came back: the status, for how long the endpoint asks to be left alone, and the body if it was wanted."""

    status: int
    wait: timedelta | None = None
    said: Any = None


class _Failed(Exception):
    """The call could not be made, or came to nothing, whatever the status; says why."""


class WebhookCaller:
    """Fulfils `flow.hand_off.Caller` over HTTP; `secrets` are by name, each of them the new one first, `shapes` the packaged ones.

    Redirects are not followed: the receiver that was configured is the one that gets the data. An answer's body is read only where
    a shape asks for it. What is no public address is called only if it lies in one of the networks `allowed`. Neither a proxy nor a
    password that the environment or a file names is used: a call goes straight to its receiver.
    """

    def __init__(
        self, secrets: Mapping[str, Sequence[str]], timeout: float = TIMEOUT, *,
        allowed: Sequence[Network] = (), resolve: Resolve = look_up, shapes: Mapping[str, Shape] | None = None,
    ) -> None:  # fmt: skip
        self._secrets = secrets
        self._timeout = timeout
        self._allowed = allowed
        self._resolve = resolve
        self._shapes = shapes or {}
        self._tokens: dict[tuple[str, str], str] = {}

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
        try:
            async with asyncio.timeout(self._timeout):
                heard = await self._told(client, call, at)
                return Answer(call.delivery, heard.status, f"HTTP {heard.status}", heard.wait)
        except TimeoutError:
            return Answer(call.delivery, None, f"no answer within {self._timeout:g} s")
        except (NotToBeCalled, CannotBeShaped, _Failed) as refused:
            detail = str(refused)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            detail = f"{type(error).__name__}: {error}"
        return Answer(call.delivery, None, self._without_secrets(detail, call)[:_LONGEST_DETAIL])

    async def _told(self, client: httpx.AsyncClient, call: Call, at: datetime) -> _Heard:
        """What the endpoint answers to the last request; to the first that it does not take, if there is one."""
        shape = self._shape_of(call)
        if shape is None:
            wanted = Wanted("POST", "", call.body.encode())
            return await self._asked(client, call, wanted, {**_JSON, **self._signature(call, wanted, at)}, at)
        secret = await self._pass(client, call, shape, at)
        headers = {**_JSON, **{name.lower(): value.replace(PLACEHOLDER, secret) for name, value in shape.headers.items()}}
        told = {**json.loads(call.body), "id": str(call.delivery)}
        kept: dict[str, Any] = {}
        heard: _Heard | None = None
        for request in shape.requests:
            wanted_next = shaped(request, shape, told, kept)
            if wanted_next is None:
                continue
            signature = self._signature(call, wanted_next, at) if shape.signed else {}
            heard = await self._asked(client, call, wanted_next, headers | signature, at, reads=bool(request.keep))
            if not _is_taken(heard.status, shape):
                self._forget_pass(call, heard.status)
                if heard.status < HTTPStatus.MULTIPLE_CHOICES:
                    raise _Failed(f"HTTP {heard.status}, by which this system says that it did not take everything")
                return heard
            kept |= {name: picked(heard.said, place) for name, place in request.keep.items()}
        if heard is None:
            raise CannotBeShaped("the shape of this endpoint asks for nothing here")
        return heard

    def _shape_of(self, call: Call) -> Shape | None:
        if not isinstance(call.shape, str):
            return call.shape
        known = self._shapes.get(call.shape)
        if known is None:
            raise CannotBeShaped(f"there is no shape {call.shape!r}; correct config/handoff.yaml")
        return known

    async def _asked(
        self, client: httpx.AsyncClient, call: Call, wanted: Wanted, headers: Mapping[str, str], at: datetime, *, reads: bool = False
    ) -> _Heard:  # fmt: skip
        """One request, made at an address that was judged; the name decides which certificate counts."""
        url = httpx.URL(self._address(call) + wanted.path)
        addresses = await judged(url, self._allowed, self._resolve)
        patience = httpx.Timeout(None, connect=self._timeout / len(addresses))
        for each in addresses:
            request = client.build_request(
                wanted.method, url.copy_with(host=each), content=wanted.body, timeout=patience,
                headers={**headers, "host": url.netloc.decode("ascii")},
                extensions={"sni_hostname": url.raw_host.decode("ascii")},
            )  # fmt: skip
            try:
                response = await client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if each == addresses[-1]:
                    raise
            else:
                said = await _read(response) if reads else None
                await response.aclose()
                return _Heard(response.status_code, retry_after(response.headers.get("retry-after"), at), said)
        raise NotToBeCalled(f"{url.host} has no address")

    def _address(self, call: Call) -> str:
        return call.url.replace(PLACEHOLDER, self._known(call)[0]) if PLACEHOLDER in call.url else call.url

    def _known(self, call: Call) -> Sequence[str]:
        several = self._secrets.get(call.secret)
        if not several:
            raise _Failed(f"there is no secret {call.secret!r}; add it to NURTURE_HANDOFF_SECRETS")
        return several

    async def _pass(self, client: httpx.AsyncClient, call: Call, shape: Shape, at: datetime) -> str:
        """What lets calls in: the secret, or the token that the endpoint gives for it and that is kept until it is refused."""
        secret = self._known(call)[0]
        if shape.token is None:
            return secret
        token = self._tokens.get((call.url, secret))
        if token is None:
            headers = {
                "authorization": f"Basic {b64encode(secret.encode()).decode()}",
                "content-type": "application/x-www-form-urlencoded",
                "accept": "application/json",
            }
            asked = Wanted("POST", shape.token.path, b"grant_type=client_credentials")
            heard = await self._asked(client, call, asked, headers, at, reads=True)
            token = picked(heard.said, "access_token")
            if not isinstance(token, str) or not token:
                raise _Failed(f"the endpoint gives no token for the secret {call.secret!r} (HTTP {heard.status}); see to both")
            self._tokens[call.url, secret] = token
        return token

    def _forget_pass(self, call: Call, status: int) -> None:
        if status == HTTPStatus.UNAUTHORIZED:
            self._tokens.pop((call.url, self._known(call)[0]), None)

    def _signature(self, call: Call, wanted: Wanted, at: datetime) -> dict[str, str]:
        """The headers of the specification; while one secret takes the place of another, a signature by each."""
        number, body = str(call.delivery), (wanted.body or b"").decode()
        signing = [secret for secret in self._known(call) if secret.startswith(FOR_WEBHOOKS)]
        if not signing:
            raise _Failed(f"the secret {call.secret!r} signs nothing; one that does begins with whsec_")
        return {
            "webhook-id": number,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(Webhook(secret).sign(number, at, body) for secret in signing),
        }

    def _without_secrets(self, detail: str, call: Call) -> str:
        for secret in self._secrets.get(call.secret, ()):
            detail = detail.replace(secret, "[secret]")
        return detail


def _is_taken(status: int, shape: Shape) -> bool:
    return status in shape.taken if shape.taken else HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


async def _read(response: httpx.Response) -> Any:
    """The JSON of an answer; None for what is none, or too much."""
    body = b""
    async for part in response.aiter_bytes():
        body += part
        if len(body) > _LARGEST_ANSWER:
            return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def retry_after(said: str | None, at: datetime) -> timedelta | None:
    """How long after instant `at` a `Retry-After` header asks to wait, in seconds or until a date (RFC 9110 §10.2.3)."""
    if said is None:
        return None
    try:
        wait = timedelta(seconds=int(said)) if said.isascii() and said.isdigit() else parsedate_to_datetime(said) - at
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None
    return max(wait, timedelta())
