"""Browsers and mail programs of the crowd: what they send is what n.js, HTML forms and RFC 8058 have them send."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from nurture.demo.site import ORIGIN, Page
from nurture.errors import NurtureError, Unavailable
from nurture.ports import Clock

#: Nothing on one machine takes longer, not even a busy one. Seconds.
_PATIENCE: Final = 30.0

#: Where visitors come from; the last typed the address.
REFERRERS: Final = (
    "https://www.google.com/", "https://www.linkedin.com/", "https://chatgpt.com/", "https://partner.example/useful-links", "",
)  # fmt: skip

_PDF: Final = b"%PDF-"


class Refused(NurtureError):
    """The engine answered the demo otherwise than a visitor expects; see demo.log in the data folder."""


class Wire:
    """The way to the engine: one client for everybody, which remembers nobody's cookies."""

    def __init__(self, url: str, public_url: str, write_key: str, clock: Clock) -> None:
        self.write_key = write_key
        self.clock = clock
        self._public = urlsplit(public_url).netloc
        self._client = httpx.Client(base_url=url, timeout=_PATIENCE)
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def close(self) -> None:
        self._client.close()

    def own_path(self, url: str) -> str | None:
        """The path of an address of the engine itself, None for one elsewhere: nothing of the demo leaves the machine."""
        parts = urlsplit(url)
        if parts.netloc not in ("", self._public):
            return None
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def request(self, method: str, url: str, expected: int, **options: Any) -> httpx.Response:
        """Ask for an address of the engine; raises Refused when the status is not the expected one, Unavailable without an answer."""
        path = self.own_path(url)
        if path is None:
            raise Refused("the demo was sent to another machine by a link of the engine's; see demo.log in the data folder")
        answer = self._answer(method, path, **options)
        if answer.status_code != expected:
            what = path.split("/")[1]
            raise Refused(f"{method} /{what}/… was answered {answer.status_code} instead of {expected}: {answer.text[:300]}")
        return answer

    def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, asked for again as scripts and people do while the engine says that it cannot take anything (503)."""
        deadline = time.monotonic() + _PATIENCE
        try:
            answer = self._client.request(method, path, **options)
            while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < deadline:
                time.sleep(float(answer.headers["retry-after"]))
                answer = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the web process does not answer ({type(error).__name__}); see demo.log in the data folder"
            ) from None
        return answer


class Browser:
    """One browser: its id, its user agent, the language and zone it tells, and whether it objects to being followed.

    `came_from` is the page on which the link to the present page stood; at first that of whoever sent the visitor here.
    """

    def __init__(self, wire: Wire, ident: UUID, user_agent: str, locale: str, timezone: str, *, objects: bool = False) -> None:
        self.id = str(ident)
        self.objects = objects
        self.came_from = REFERRERS[ident.int % len(REFERRERS)]
        self._wire = wire
        self._locale = locale
        self._timezone = timezone
        self._headers = {
            "User-Agent": user_agent,
            "Accept-Language": f"{locale},{locale[:2]};q=0.8",
            **({"Sec-GPC": "1"} if objects else {}),
        }

    def tell(self, call: Mapping[str, Any], message_id: str, page: Page, at: datetime, *, twice: bool = False) -> None:
        """Send what the script noted at instant `at`, as a batch; `twice` when the first answer was lost on the way.

        It is sent late, like what the script kept while the visitor had no network: the demo's clock jumps from tick to tick.
        """
        event = {
            **call,
            "messageId": message_id,
            "anonymousId": self.id,
            "timestamp": _javascript(at),
            "context": {
                "page": {"url": page.url, "path": page.path, "title": page.title, "referrer": self.came_from, "search": ""},
                "locale": self._locale,
                "timezone": self._timezone,
                "library": {"name": "n.js", "version": "1"},
            },
        }
        body = {"writeKey": self._wire.write_key, "sentAt": _javascript(self._wire.clock.now()), "batch": [event]}
        headers = {**self._headers, "Origin": ORIGIN}
        for _ in range(1 + twice):
            answer = self._wire.request(
                "POST", "/v1/batch", 200, content=json.dumps(body),
                headers={**headers, "Content-Type": "text/plain;charset=UTF-8"},
            )  # fmt: skip
            if answer.json()["rejected"]:
                raise Refused(f"an event of the script was rejected: {answer.json()['rejected']}")

    def submit(self, form: str, fields: Mapping[str, str], controls: Mapping[str, str], *, twice: bool = False) -> str:
        """Post a form as a browser does and return the address it is sent on to; `twice` for an impatient click."""
        headers = {
            **self._headers, "Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate", "Referer": f"{ORIGIN}/",
        }  # fmt: skip
        for _ in range(1 + twice):
            answer = self._wire.request("POST", f"/f/{form}", 303, data={**fields, **controls}, headers=headers)
        return answer.headers["location"]

    def open(self, url: str) -> httpx.Response:
        """Open a page of the engine's."""
        return self._wire.request("GET", url, 200, headers=self._headers)

    def download(self, url: str) -> None:
        """Fetch an asset; raises Refused if it is no PDF."""
        if not self.open(url).content.startswith(_PDF):
            raise Refused("a download of the demo is no PDF; see assets.yaml")

    def follow(self, link: str) -> str:
        """Click on a link of a mail and return where it leads."""
        return self._wire.request("GET", link, 302, headers=self._headers).headers["location"]

    def press_unsubscribe(self, link: str) -> None:
        """Open the unsubscribe page of a mail and press its button."""
        self.open(link)
        self._wire.request("POST", link, 200, headers=self._headers)


def one_click(wire: Wire, link: str) -> None:
    """Unsubscribe as a mail provider does for its user, from the header alone (RFC 8058 §3.2)."""
    wire.request("POST", link, 200, data={"List-Unsubscribe": "One-Click"}, headers={"User-Agent": "One-Click"})


def try_every_link(wire: Wire, links: tuple[str, ...], user_agent: str) -> int:
    """Look at the links of a mail as a gateway does, all at once, first by HEAD; the number of requests."""
    for link in links:
        for method in ("HEAD", "GET"):
            wire.request(method, link, 302, headers={"User-Agent": user_agent})
    return 2 * len(links)


def _javascript(at: datetime) -> str:
    """An instant as `Date.toISOString` writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
