"""Somebody in a case: who they turn out to be in the simulation, and their acts as the events that the engine would hear of."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from nurture.domain.cases.acts import (
    Chosen,
    Clicked,
    Confirmed,
    Downloaded,
    Enrolled,
    FormPosted,
    Happened,
    PageViewed,
    Rejected,
    Timed,
    Told,
    Unsubscribed,
)
from nurture.domain.cases.case import CONSENT, Cast
from nurture.domain.cases.names import step_named
from nurture.domain.consent import address_mark
from nurture.domain.content import Form
from nurture.domain.definitions import Definitions
from nurture.domain.event import (
    ASSET_DOWNLOADED,
    CONSENT_CONFIRMED,
    EMAIL_CLICKED,
    ENGINE,
    ENROLL_REQUESTED,
    FORM_SUBMITTED,
    IDENTIFIED,
    PAGE_VIEWED,
    PREFERENCES_CHANGED,
    UNSUBSCRIBED,
    Event,
)
from nurture.domain.identity import Identifier
from nurture.domain.mail.sending import MessageStatus
from nurture.domain.person import Person
from nurture.domain.preferences import told_in
from nurture.domain.rejecting import Refused, rejecting
from nurture.domain.surroundings import campaign_of, page_of
from nurture.errors import NurtureError
from nurture.simulation.memory import Mail, Memory

#: Where pages lie of which only the path is written; the domain is nobody's (RFC 2606).
SITE: Final = "https://www.example.com"

_BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Impossible(NurtureError):
    """An act of a case cannot happen as things stand there."""

    who_acts = "marketer"


class Role:
    """One person of a case, in one simulation."""

    def __init__(self, cast: Cast, definitions: Definitions, memory: Memory) -> None:
        self.cast = cast
        self._definitions, self._memory = definitions, memory
        self._called = f"{cast.name or 'person'}-{cast.actor.seed}"
        self._acts = 0
        self._links: dict[str, str] = {}

    def person(self) -> Person | None:
        """Whoever they are by now; None before anything was heard of them."""
        named = [Identifier("email", str(self.cast.actor.person.get("email")).lower()), Identifier("anonymous_id", self._called)]
        found = (self._memory.holdings.get(each) for each in named)
        return next((self._memory.root(holding.person) for holding in found if holding is not None), None)

    def ids(self) -> frozenset[int]:
        """Every id under which something of them may be kept."""
        person = self.person()
        if person is None:
            return frozenset()
        return frozenset(id_ for id_, each in self._memory.people.items() if person.id in (id_, each.merged_into))

    def mails(self) -> list[Mail]:
        """All their mails, whatever became of them, in the order in which they were planned."""
        theirs = self.ids()
        return sorted(
            (mail for mail in self._memory.mails.values() if mail.person in theirs), key=lambda mail: mail.planned.planned_at
        )

    def sequence_of(self, mail: Mail) -> str:
        """The sequence that a mail belongs to."""
        return self._memory.runs[mail.planned.enrollment].sequence

    def received(self, step: str) -> list[Mail]:
        """The mails of a step that went, in their order."""
        named = step_named(step)
        sent = [mail for mail in self.mails() if mail.status == MessageStatus.SENT]
        return [mail for mail in sent if named.is_of(self.sequence_of(mail), mail.planned.step)]

    def events(self, act: Timed, at: datetime) -> Iterable[Event]:
        """What the engine hears when they act at an instant; raises Impossible."""
        self._acts += 1
        match act:
            case FormPosted():
                return self._posts(act, at)
            case Downloaded() | Clicked() | Unsubscribed() | Confirmed() | Chosen():
                return [self._by_link(act, at)]
            case PageViewed():
                return [self._event(PAGE_VIEWED, at, kind="page", **self._by_browser(act.page), properties=act.properties)]
            case Happened(by="browser"):
                return [self._event(act.event, at, **self._by_browser(act.page), properties=act.properties)]
            case Rejected():
                return [self._rejected(act, at)]
        return [self._told_by_server(act, at)]

    def _by_link(self, act: Downloaded | Clicked | Unsubscribed | Confirmed | Chosen, at: datetime) -> Event:
        match act:
            case Downloaded():
                return self._downloads(act, at)
            case Clicked():
                return self._clicks(act, at)
            case Confirmed():
                told = {"purpose": act.confirm, "address": address_mark(str(self.cast.actor.person.get("email", "")))}
                return self._by_a_page(CONSENT_CONFIRMED, at, told)
            case Chosen():
                chosen, until = act.prefer, at + act.prefer.pause if act.prefer.pause else None
                return self._by_a_page(PREFERENCES_CHANGED, at, told_in(chosen.topics, chosen.pace, until))
        return self._by_a_page(UNSUBSCRIBED, at, {})

    def _told_by_server(self, act: Timed, at: datetime) -> Event:
        match act:
            case Happened():
                return self._event(act.event, at, **self._by_server(), properties=act.properties)
            case Told():
                return self._event(IDENTIFIED, at, kind="identify", **self._by_server(), traits=act.identify)
            case Enrolled():
                return self._event(ENROLL_REQUESTED, at, **self._by_server(), properties={"sequence": act.enroll})
        raise AssertionError(act)  # there is no other kind of act

    def _event(self, name: str, at: datetime, **parts: Any) -> Event:
        usual = {"message_id": f"{self._called}-{self._acts}", "source": ENGINE, "occurred_at": at, "received_at": at}
        return Event(name=name, **(usual | parts))

    def _by_browser(self, page: str | None = None) -> Mapping[str, Any]:
        return {"source": "website", "anonymous_id": self._called, "context": self._context(page)}

    def _by_server(self) -> Mapping[str, Any]:
        """A server knows whose browser it is, too: a case is about one person, not about who is who."""
        email = self.cast.actor.person["email"]
        return {"source": "server", "email": email, "anonymous_id": self._called, "assurance": "verified"}

    def _context(self, page: str | None = None) -> dict[str, Any]:
        """What a browser tells beside what was done. The script on the page tells the zone of whoever posts a form, too."""
        where = page_of({"url": f"{SITE}{page}" if page.startswith("/") else page}) if page else {}
        person = self.cast.actor.person
        told = {
            "userAgent": _BROWSER, "page": where, "campaign": campaign_of(None, where), "timezone": person.get("timezone"),
            "locale": person.get("language"),
        }  # fmt: skip
        return {name: value for name, value in told.items() if value}

    def _posts(self, act: FormPosted, at: datetime) -> Iterable[Event]:
        form, typed = self._definitions.forms[act.form], {**self.cast.actor.person, **act.fields}
        submission = f"{self._called}-{self._acts}"
        ticked = form.consent if typed.get(CONSENT, True) is not False else None
        told = {"form": act.form, "asset": form.asset, "consent": ticked}
        yield self._event(
            FORM_SUBMITTED, at, source=f"form:{act.form}", anonymous_id=self._called, email=typed.get("email"),
            submission=submission, assurance="claimed", properties={name: value for name, value in told.items() if value},
            traits=_traits(form, typed), context=self._context(),
        )  # fmt: skip
        if form.asset is not None and form.deliver == "redirect":
            self._links[form.asset] = submission
            if act.downloads:
                self._acts += 1
                yield self._opened(form.asset, at, submission=submission)

    def _downloads(self, act: Downloaded, at: datetime) -> Event:
        if act.from_ is not None:
            mail = self._latest(act.from_, "open a link in")
            return self._opened(act.download, at, person=mail.person, message=mail.planned.id)
        submission = self._links.get(act.download)
        if submission is None:
            raise Impossible(
                f"no form gave them {act.download!r} before; post one that delivers it, or write 'from: STEP' for a mail's link"
            )
        return self._opened(act.download, at, submission=submission)

    def _opened(self, asset: str, at: datetime, **whose: Any) -> Event:
        properties = {"asset": asset, "gated": self._definitions.assets[asset].gated}
        return self._event(ASSET_DOWNLOADED, at, properties=properties, context=_reading(), **whose)

    def _clicks(self, act: Clicked, at: datetime) -> Event:
        mail = self._latest(act.click, "click in")
        page = page_of({"url": f"{SITE}{act.to}" if act.to.startswith("/") else act.to})
        properties = {"url": page["url"], "path": page.get("path", "/")}
        context = _reading() if act.by == "human" else {"method": "GET"}
        return self._event(
            EMAIL_CLICKED, at, person=mail.person, message=mail.planned.id, properties=properties, context=context
        )  # fmt: skip

    def _latest(self, step: str, what: str) -> Mail:
        sent = self.received(step)
        if not sent:
            raise Impossible(
                f"no mail of step {step!r} had gone by then, so nobody can {what} it; write 'after: {step}' with 'in: …'"
            )
        return sent[-1]

    def _by_a_page(self, name: str, at: datetime, told: dict[str, Any]) -> Event:
        """What is posted on a page behind a link in the latest mail."""
        sent = [mail for mail in self.mails() if mail.status == MessageStatus.SENT]
        if not sent:
            way = "unsubscribe by" if name == UNSUBSCRIBED else "do so by"
            raise Impossible(f"no mail had gone by then, so there is no link to {way}; let it happen later")
        return self._event(name, at, person=sent[-1].person, message=sent[-1].planned.id, properties=told)

    def _rejected(self, act: Rejected, at: datetime) -> Event:
        person = self.person()
        if person is None:
            raise Impossible("nobody had heard of them by then, so sales cannot send them back; let it happen later")
        found = rejecting(person, act.reject, None, self._definitions.lifecycle, at)
        if isinstance(found, Refused):
            raise Impossible(found.why)
        return found[0]


def _reading() -> dict[str, Any]:
    return {"userAgent": _BROWSER, "method": "GET"}


def _traits(form: Form, typed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: typed[name] for name in form.fields if name in typed and name not in {"email", CONSENT}}
