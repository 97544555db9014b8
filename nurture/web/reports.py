"""`/report`: the reports, behind a log-in.

Without a password they are open to this machine alone, in development; in production they are closed. GET changes nothing; logging in
and out are posts that a browser sends from our own pages only.
"""

import re
from datetime import date, datetime
from ipaddress import ip_address
from math import ceil
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from nurture.errors import SettingsError, Unavailable
from nurture.reports.catalogue import REPORTS, NoSuchDays
from nurture.reports.report_page import Controls, Link, page, policy
from nurture.reports.sheet import Report, date_of
from nurture.reports.told import told
from nurture.reports.words import LANGUAGES, common_words, words_of
from nurture.web.limits import Limiter, holder_in
from nurture.web.pages import Pages, language_of
from nurture.web.parts import WebParts
from nurture.web.posts import read_fields
from nurture.web.refusals import Refusal
from nurture.web.report_desk import Asked, ReportDesk
from nurture.web.sessions import PATH, Sessions

_LOG_IN: Final = f"{PATH}/log-in"
_LOG_OUT: Final = f"{PATH}/log-out"

#: A password every so many seconds, and five at once: from one address, and twelve times that from all together.
_SECONDS_A_TRY: Final = 20.0
_AT_ONCE: Final = 5
_OF_ALL: Final = 12

#: Where somebody who logs in may be led to: our own pages, nobody else's.
_OWN_PAGE: Final = re.compile(rf"{PATH}(/[a-z]+)?(\?[\w=&-]*)?")

_OWN_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_NAMES: Final = {"en": "English", "fr": "Français"}


class Reports:
    """The endpoints."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        self._parts, self._pages = parts, pages
        self._desk = ReportDesk(self._make)
        settings = parts.settings
        password = settings.report_password
        self._sessions = None if password is None else Sessions(
            settings.secret, password.get_secret_value(), secure=settings.public_url.startswith("https:")
        )  # fmt: skip
        self._tries = Limiter(1 / _SECONDS_A_TRY, _AT_ONCE * _SECONDS_A_TRY)
        self._all_tries = Limiter(_OF_ALL / _SECONDS_A_TRY, _AT_ONCE * _SECONDS_A_TRY)

    async def show(self, request: Request) -> Response:
        """A report, or what stands between it and whoever asks."""
        language, at = _language(request), self._parts.clock.now()
        if self._sessions is None:
            if self._parts.settings.production or not _is_at_home(request):
                return self._say(request, 404, "closed", language)
        elif not self._sessions.is_in(request, at):
            return self._log_in(request, 401, language, _page_of(request))
        name = request.path_params.get("name", REPORTS[0])
        if name not in REPORTS:
            return self._pages.message(request, 404, "link_unknown")
        asked = Asked(
            name, request.query_params.get("from", ""), request.query_params.get("to", ""), language, self._sessions is not None
        )
        try:
            html = await self._desk.page(asked, at)
        except (Unavailable, SettingsError):
            response = self._say(request, 503, "away", language)
            response.headers["retry-after"] = "5"
            return response
        except NoSuchDays:
            return self._say(request, 422, "days", language)
        return HTMLResponse(html, headers=_HEADERS | {"content-security-policy": f"{policy(forms=True)}; frame-ancestors 'none'"})

    async def log_in(self, request: Request) -> Response:
        """Begin a session for whoever knows the password, and lead them to where they wanted to go."""
        language, at = _language(request), self._parts.clock.now()
        if self._sessions is None:
            return self._say(request, 404, "closed", language)
        _refuse_others(request)
        fields = await read_fields(request)
        wanted = str(fields.get("next", PATH))
        wait = self._wait(request, at)
        if wait:
            response = self._log_in(request, 429, language, wanted, common_words(language)["too_many"].format(seconds=wait))
            response.headers["retry-after"] = str(wait)
            return response
        if not self._sessions.knows(str(fields.get("password", ""))):
            return self._log_in(request, 401, language, wanted, common_words(language)["wrong"])
        response = RedirectResponse(wanted if _OWN_PAGE.fullmatch(wanted) else PATH, 303, _HEADERS)
        self._sessions.begin(response, at)
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        _refuse_others(request)
        response = RedirectResponse(PATH, 303, _HEADERS)
        if self._sessions is not None:
            self._sessions.end(response)
        return response

    def _wait(self, request: Request, at: datetime) -> int:
        """For how many seconds nobody may try from there; what may be tried is counted."""
        holder = holder_in(request.scope) or "this machine"
        wait = self._tries.take(holder, at.timestamp()) or self._all_tries.take("everybody", at.timestamp())
        return ceil(wait)

    def _log_in(self, request: Request, status: int, language: str, wanted: str, wrong: str | None = None) -> Response:
        common = common_words(language)
        return self._pages.page(
            request, "log_in.html", status, title=common["log_in_title"], language=language, common=common, action=_LOG_IN,
            wanted=wanted, wrong=wrong,
        )  # fmt: skip

    def _say(self, request: Request, status: int, said: str, language: str) -> Response:
        common = common_words(language)
        title, text = common[f"{said}_title"], common[f"{said}_text"]
        return self._pages.page(request, "message.html", status, title=title, text=text, language=language)

    def _make(self, asked: Asked, at: datetime) -> str:
        """The page; runs in a thread. Raises NoSuchDays, and Unavailable."""
        try:
            first, last = (date.fromisoformat(each) if each else None for each in (asked.first, asked.last))
        except ValueError as error:
            raise NoSuchDays(str(error)) from None
        report = self._parts.report(asked.name, first, last, at)
        return page([told(report, asked.language)], asked.language, _links(asked), _controls(asked, report))


_HEADERS: Final = {
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
    "cache-control": "no-store",
    "vary": "accept-language, cookie",
}


def _language(request: Request) -> str:
    """The language that is asked for, else the one that the browser likes."""
    wanted = request.query_params.get("lang", "")
    return wanted if wanted in LANGUAGES else language_of(request)


def _is_at_home(request: Request) -> bool:
    """Whether somebody on this machine asks it by its own name: the page of a stranger may ask it by another (DNS rebinding)."""
    try:
        from_here = request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
    return from_here and request.url.hostname in _OWN_NAMES


def _refuse_others(request: Request) -> None:
    """Raise Refusal for a post that comes from a page of somebody else's."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = site in ("same-origin", "none") if site else origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not own:
        raise Refusal(403, "cross_site", "this is posted by the pages of the reports only")


def _page_of(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _links(asked: Asked) -> list[Link]:
    query = {"from": asked.first, "to": asked.last, "lang": asked.language}
    return [Link(words_of(name, asked.language).title, f"{PATH}/{name}?{_query(query)}", name == asked.name) for name in REPORTS]


def _controls(asked: Asked, report: Report) -> Controls:
    days = {"from": asked.first, "to": asked.last}
    languages = [
        Link(_NAMES[each], f"{PATH}/{asked.name}?{_query({**days, 'lang': each})}", each == asked.language, each)
        for each in LANGUAGES
    ]
    first, last = (date_of(day).isoformat() for day in (report.period.first, report.period.last))
    return Controls(first, last, languages, _LOG_OUT if asked.logged_in else None)


def _query(parameters: dict[str, str]) -> str:
    return urlencode({name: value for name, value in parameters.items() if value})
