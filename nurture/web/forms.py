"""`POST /f/{form}`: a plain HTML form, or a script, hands over a lead.

What looks like spam by two signs or more, or names a mailbox that was named too often that day, is set aside in quarantine and
answered like everything else: a person may still look at it, and a bot learns nothing. One other sign alone is noted and changes nothing.
"""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from nurture.adapters.redis_keys import form_posts, mailbox_posts
from nurture.adapters.tokens import Download
from nurture.domain.content import Form
from nurture.domain.definitions import Definitions
from nurture.domain.event import FORM_SUBMITTED, Event, day_number, route_of
from nurture.domain.ids import event_key, stable_id
from nurture.domain.junk import naming
from nurture.domain.mail.mailboxes import is_named_too_often, mailbox_of
from nurture.domain.privacy import ConsentMode
from nurture.domain.surroundings import campaign_of, page_of
from nurture.errors import Unavailable
from nurture.web.counters import Counters
from nurture.web.form_checks import Mistake, Posted, Submission, check, take_apart
from nurture.web.hygiene import inspect
from nurture.web.limits import Limits, holder_in
from nurture.web.own_tally import OwnTally
from nurture.web.pages import Pages, page_before, words_for
from nurture.web.parts import WebParts
from nurture.web.posts import Value, canonical, read_fields
from nurture.web.redirects import allowed_redirect
from nurture.web.refusals import Refusal, unavailable
from nurture.web.spam import MAILBOX, is_spam, signs_of_spam
from nurture.web.visitor import known_visitor, objects, remember
from nurture.web.wire import LONGEST_ID, LONGEST_USER_AGENT
from nurture.web.words import first_language

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class _Taken(NamedTuple):
    """A submission on its way: the event, the signs of spam in it, and the id by which its download is tied to it."""

    event: Event
    signs: list[str]
    submission: str
    new_visitor: bool


class Forms:
    """The endpoints of forms."""

    def __init__(self, parts: WebParts, pages: Pages, counters: Counters, limits: Limits) -> None:
        self._parts = parts
        self._pages = pages
        self._counters = counters
        self._own = OwnTally()
        self._limits = limits
        self._secure = parts.settings.public_url.startswith("https:")

    async def submit(self, request: Request) -> Response:
        """Take a post. A browser is sent on (303), a script is told where to go; mistakes are listed (422) all at once."""
        try:
            return await self._submitted(request)
        except Refusal as refusal:
            self._counters.add("web_refused", code=refusal.code)
            return self._refused(request, refusal)
        except Unavailable as error:
            self._counters.add("web_unavailable")
            return unavailable(error) if wants_json(request) else self._pages.later(request, error)

    async def thanks(self, request: Request) -> Response:
        """Where a browser lands when neither the form nor the page says where to go."""
        form = self._form(request, self._parts.definitions())
        if form is None:
            return self._pages.message(request, 404, "form_unknown")
        words = words_for(request)
        return self._pages.message(request, 200, "thanks", text=form.thanks or words["thanks_text"])

    def _form(self, request: Request, definitions: Definitions) -> Form | None:
        return definitions.forms.get(request.path_params["form"])

    async def _submitted(self, request: Request) -> Response:
        definitions = self._parts.definitions()
        form = self._form(request, definitions)
        if form is None:
            raise Refusal(404, "unknown_form", "there is no such form; forms.yaml has its names")
        self._limits.form_from(request.scope)
        fields = await read_fields(request)
        inspect(fields)
        posted = take_apart(form, fields)
        checked = check(form, posted)
        if isinstance(checked, list):
            self._counters.add("web_refused", code="form")
            return self._mistaken(request, checked)
        taken = await self._taken(request, form, posted, checked, definitions.privacy.consent)
        if is_spam(taken.signs):
            await self._parts.writer.quarantine(taken.event, taken.signs, taken.event.received_at)
            self._counters.add("web_quarantined")
        else:
            await self._parts.writer.write([taken.event])
            self._counters.add("web_events")
        return self._answer(request, definitions, form, posted, taken)

    async def _taken(
        self, request: Request, form: Form, posted: Posted, submission: Submission, mode: ConsentMode
    ) -> _Taken:  # fmt: skip
        """The post as an event. Who posts it agrees to what it says, not to being followed: `mode` decides about that."""
        at = self._parts.clock.now()
        name: str = request.path_params["form"]
        message_id = _post_id(name, posted, at)
        # Derived, so that the second click of somebody without a cookie, and one who has just been given it, make no other.
        own = f"v.{self._parts.tokens.mac('visitor', stable_id('visitor', message_id))}"
        warnings: list[str] = []
        visitor = _visitor(request, posted, mode, warnings)
        if visitor is not None and visitor != own:
            message_id = str(event_key(message_id, visitor))
        posts, named = await self._posts(request, message_id, at), await self._named(submission.email, message_id, at)
        signs = signs_of_spam(posted.controls, submission.email, posts, at)
        if is_named_too_often(named, self._parts.definitions().sending.breakers.form_posts):
            signs.append(MAILBOX)
        key = event_key("submission", message_id).hex
        event = Event(
            message_id=message_id,
            source=f"form:{name}",
            name=FORM_SUBMITTED,
            occurred_at=at,
            received_at=at,
            anonymous_id=visitor or (None if mode == "opt_in" or objects(request) else own),
            email=submission.email,
            submission=key,
            assurance="claimed",
            warnings=tuple(warnings),
            properties=_properties(name, form, request, submission),
            traits=dict(submission.traits),
            context=_context(request, posted, signs),
        )
        return _Taken(event, signs, key, new_visitor=visitor is None and event.anonymous_id is not None)

    async def _posts(self, request: Request, message_id: str, at: datetime) -> int:
        """How many posts came from this address within the hour. The address itself is not kept."""
        address = holder_in(request.scope)
        if address is None:
            return 0
        hour = int(at.timestamp() // _HOUR.total_seconds())
        key = form_posts(self._parts.tokens.mac("form posts", stable_id("address", address)), hour)
        return await self._tallied(key, message_id, _HOUR)

    async def _named(self, email: str | None, message_id: str, at: datetime) -> int:
        """How many posts have named this mailbox today, whatever the form and whoever posts. The address itself is not kept."""
        if email is None:
            return 0
        key = mailbox_posts(self._parts.tokens.mac("mailbox posts", stable_id("mailbox", mailbox_of(email))), day_number(at))
        return await self._tallied(key, message_id, _DAY)

    async def _tallied(self, key: str, message_id: str, lasts: timedelta) -> int:
        """How many posts `key` has with this one; while Redis is away, how many of them came to this process meanwhile."""
        try:
            return await self._parts.writer.tally(key, message_id, lasts)
        except Unavailable:
            return self._own.add(key, message_id)

    def _answer(self, request: Request, definitions: Definitions, form: Form, posted: Posted, taken: _Taken) -> Response:
        target = self._asset_link(definitions, form, taken) or _wanted(request, form, posted)
        if wants_json(request):
            absolute = f"{self._parts.settings.public_url}{target}" if target and target.startswith("/") else target
            response: Response = JSONResponse({"ok": True, "submission_id": taken.submission, "redirect": absolute})
        else:
            response = RedirectResponse(target or f"{request.url.path}/thanks", 303)
        response.headers["cache-control"] = "no-store"
        if taken.new_visitor and taken.event.anonymous_id:
            remember(response, taken.event.anonymous_id, secure=self._secure)
        return response

    def _asset_link(self, definitions: Definitions, form: Form, taken: _Taken) -> str | None:
        """The path of the download that the form delivers; for spam it works and is tied to nobody."""
        if form.asset is None or form.deliver != "redirect":
            return None
        submission = None if is_spam(taken.signs) else taken.submission
        expires = taken.event.received_at + definitions.assets[form.asset].link.expires
        grant = Download(form.asset, submission, None, route_of(taken.event), expires)
        return f"/a/{self._parts.tokens.download(grant)}"

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        if wants_json(request):
            told = {"field": None, **refusal.told()}
            return JSONResponse({"ok": False, "errors": [told]}, refusal.status, refusal.headers())
        if refusal.code == "unknown_form":
            return self._pages.message(request, 404, "form_unknown", back=page_before(request))
        said = {"too_many_requests": "too_many", "overloaded": "later"}.get(refusal.code)
        if said is not None:
            response = self._pages.message(request, refusal.status, said, back=page_before(request))
        else:
            title = words_for(request)["form_unreadable_title"]
            text = f"{refusal.field}: {refusal.message}" if refusal.field else refusal.message
            back = page_before(request)
            response = self._pages.page(request, "message.html", refusal.status, title=title, text=text, back=back)
        response.headers.update(refusal.headers())
        return response

    def _mistaken(self, request: Request, mistakes: list[Mistake]) -> Response:
        words = words_for(request)
        told = [{"field": each.field, "code": each.code, "message": words[each.code]} for each in mistakes]
        if wants_json(request):
            return JSONResponse({"ok": False, "errors": told}, 422)
        return self._pages.page(
            request, "mistakes.html", 422, title=words["form_title"], mistakes=told, back=page_before(request)
        )


def wants_json(request: Request) -> bool:
    """Whether a script asks. A browser that follows a form says `Sec-Fetch-Mode: navigate` and accepts pages."""
    headers = request.headers
    if "application/json" in headers.get("accept", "") or "x-requested-with" in headers:
        return True
    if headers.get("sec-fetch-mode", "navigate") != "navigate":
        return True
    return headers.get("content-type", "").startswith(("application/json", "text/plain"))


def _post_id(name: str, posted: Posted, at: datetime) -> str:
    """Equal for the same content posted from the same page.

    The snippet's `_id` tells one page from the next; where there is none, the minute tells a second post from a second click.
    """
    once = posted.controls.get("_id") or at.strftime("%Y-%m-%dT%H:%M")
    return str(event_key(f"form:{name}", canonical({"once": once, "known": posted.known, "others": posted.others})))


def _visitor(request: Request, posted: Posted, mode: ConsentMode, warnings: list[str]) -> str | None:
    """The visitor's id as the script filled it in (which it does for those it may follow), else as the cookie has it."""
    if mode != "open" and objects(request):
        return None
    return _handed_over(posted, warnings) or (None if mode == "opt_in" else known_visitor(request))


def _handed_over(posted: Posted, warnings: list[str]) -> str | None:
    given = posted.controls.get("_anonymous_id")
    if isinstance(given, str) and len(given) > LONGEST_ID:
        warnings.append(f"_anonymous_id: longer than {LONGEST_ID} characters, and was left out")
        return None
    return naming(given, "_anonymous_id", warnings) if isinstance(given, str) else None


def _wanted(request: Request, form: Form, posted: Posted) -> str | None:
    wanted = posted.controls.get("_next") or posted.controls.get("_redirect") or posted.controls.get("redirect")
    return allowed_redirect(wanted, form.redirects, request.headers.get("referer"))


def _properties(name: str, form: Form, request: Request, submission: Submission) -> dict[str, Any]:
    properties = {
        "form": name,
        "asset": form.asset,
        "consent": form.consent if submission.consent else None,
        "page": page_of({"url": request.headers.get("referer")}).get("path"),
        "fields": dict(submission.others),
    }
    return {name: value for name, value in properties.items() if value}


def _context(request: Request, posted: Posted, signs: list[str]) -> dict[str, Any]:
    page = page_of({"url": request.headers.get("referer")})
    context: dict[str, Value | dict[str, str] | list[str] | None] = {
        "page": page,
        "campaign": campaign_of(None, page),
        "locale": _language(request, posted),
        "userAgent": request.headers.get("user-agent", "")[:LONGEST_USER_AGENT],
        "spam_signs": signs,
    }
    return {name: value for name, value in context.items() if value}


def _language(request: Request, posted: Posted) -> str | None:
    """The language of the page, as its form says in `_language`: in it somebody read what they agree to. Else the browser's own."""
    page = posted.controls.get("_language")
    said = first_language(page) if isinstance(page, str) else None
    return said or first_language(request.headers.get("accept-language", ""))
