"""From the events of somebody's real story to the acts of a case."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import available_timezones

from nurture.domain.cases.case import CONSENT
from nurture.domain.definitions import Definitions
from nurture.domain.duration import format_duration
from nurture.domain.event import (
    ASSET_DOWNLOADED,
    CONSENT_CONFIRMED,
    EMAIL_CLICKED,
    EMAIL_OPENED,
    ENROLL_REQUESTED,
    FORM_SUBMITTED,
    IDENTIFIED,
    LEAD_REJECTED,
    PAGE_VIEWED,
    PREFERENCES_CHANGED,
    STEP_SCORED,
    STEP_SET,
    UNSUBSCRIBED,
    Event,
)
from nurture.domain.person import snake_case
from nurture.domain.preferences import pause_in
from nurture.simulation.cases.harmless import Harmless
from nurture.simulation.cases.recorded import RealEvent, RealMail, Recorded

#: The engine does these by itself in the simulation, too, or they prove nothing.
_BY_THEMSELVES: Final = frozenset({STEP_SET, STEP_SCORED, EMAIL_OPENED})

#: Who is who is for the engine's own tests; a case is about one person who is themselves.
_WHO_IS_WHO: Final = frozenset({"group", "alias", "screen"})

#: A form's asset is opened at once if it is within this time.
_AT_ONCE: Final = timedelta(seconds=30)

Written = dict[str, Any]


class Transcript:
    """Somebody's acts as they stand in a case that begins at `starts`, who they are there, and what cannot be said in one."""

    def __init__(self, recorded: Recorded, definitions: Definitions, starts: datetime) -> None:
        self._recorded, self._definitions, self._starts = recorded, definitions, starts
        self._harmless = Harmless(definitions)
        self._mails = {mail.id: mail for mail in recorded.mails}
        self._forms = {each.event.submission: each.event for each in recorded.events if each.event.name == FORM_SUBMITTED}
        self.person: Written = self._known()
        self.unsaid: list[str] = []
        self.acts: list[Written] = [act for each in recorded.events for act in self._acts(each)]

    def _known(self) -> Written:
        told = self._recorded.attributes
        email = self._harmless.email(self._recorded.email) if self._recorded.email else None
        known = {"email": email, "timezone": zone_told(told), "language": told.get("language")}
        return {name: value for name, value in known.items() if isinstance(value, str)}

    def _acts(self, each: RealEvent) -> Iterator[Written]:
        event, by_machine = each.event, each.verdict == "machine"
        if event.name in _BY_THEMSELVES or (by_machine and event.name != EMAIL_CLICKED):
            return
        if event.kind in _WHO_IS_WHO:
            self.unsaid.append(f"{self._when(event)}: a call of the kind {event.kind!r}")
            return
        writer = {
            FORM_SUBMITTED: self._form, ASSET_DOWNLOADED: self._download, EMAIL_CLICKED: self._click, PAGE_VIEWED: self._page,
            IDENTIFIED: self._identify, ENROLL_REQUESTED: self._enroll, LEAD_REJECTED: self._reject,
            UNSUBSCRIBED: self._unsubscribe, CONSENT_CONFIRMED: self._confirm, PREFERENCES_CHANGED: self._prefer,
        }.get(event.name, self._event)  # fmt: skip
        written = writer(event)
        if written is not None:
            yield {**written, "by": "machine"} if by_machine else written

    def _when(self, event: Event) -> str:
        return format_duration(event.occurred_at - self._starts)

    def _at(self, event: Event) -> Written:
        return {"at": self._when(event)}

    def _unsay(self, event: Event, why: str) -> None:
        self.unsaid.append(f"{self._when(event)}: {event.name} ({why})")

    def _form(self, event: Event) -> Written | None:
        name = str(event.properties.get("form"))
        form = self._definitions.forms.get(name)
        if form is None:
            self._unsay(event, f"there is no form {name!r} any more")
            return None
        typed = self._harmless.attributes({snake_case(trait): value for trait, value in event.traits.items()})
        typed = {field: value for field, value in typed.items() if field in form.fields}
        self.person |= {field: value for field, value in typed.items() if field not in self.person}
        fields = {field: value for field, value in typed.items() if self.person[field] != value}
        if form.consent and not event.properties.get("consent"):
            fields[CONSENT] = False
        written = {**self._at(event), "form": name, **({"fields": fields} if fields else {})}
        if form.asset is None or form.deliver != "redirect" or self._follows_on(event):
            return written
        return {**written, "downloads": False}

    def _follows_on(self, form: Event) -> bool:
        return any(
            each.event.name == ASSET_DOWNLOADED
            and each.event.submission == form.submission
            and self._is_followed_by(form, each.event)
            for each in self._recorded.events
        )

    def _is_followed_by(self, form: Event, download: Event) -> bool:
        asked = self._definitions.forms.get(str(form.properties.get("form")))
        same = asked is not None and asked.deliver == "redirect" and asked.asset == download.properties.get("asset")
        return same and timedelta(0) <= download.occurred_at - form.occurred_at <= _AT_ONCE

    def _download(self, event: Event) -> Written | None:
        asset = str(event.properties.get("asset"))
        if asset not in self._definitions.assets:
            self._unsay(event, f"there is no asset {asset!r} any more")
            return None
        if event.message is not None:
            after = self._after(event)
            return {**after, "download": asset, "from": self._step(event)} if after else None
        form = self._forms.get(event.submission)
        if form is None:
            self._unsay(event, "the form that gave the link is not known")
            return None
        first = next(
            each.event
            for each in self._recorded.events
            if each.event.submission == event.submission and each.event.name == ASSET_DOWNLOADED
        )
        if first is event and self._is_followed_by(form, event):
            return None  # it stands in the form's act
        return {**self._at(event), "download": asset}

    def _step(self, event: Event) -> str:
        mail = self._mails[event.message or 0]
        return f"{mail.sequence}/{mail.step}"

    def _after(self, event: Event) -> Written | None:
        """When something was done in a mail: so long after it went, if it went once."""
        mail = self._mails.get(event.message or 0)
        if mail is None or not _is_there(mail, self._definitions):
            self._unsay(event, "its mail is of a step that is there no more")
            return None
        if sum(each.step == mail.step and each.sequence == mail.sequence for each in self._mails.values()) > 1:
            return self._at(event)
        return {"after": f"{mail.sequence}/{mail.step}", "in": format_duration(event.occurred_at - mail.sent_at)}

    def _click(self, event: Event) -> Written | None:
        after = self._after(event)
        path = event.properties.get("path")
        to = {"to": path} if isinstance(path, str) and not path.startswith("/a/") else {}
        return {**after, "click": self._step(event), **to} if after else None

    def _page(self, event: Event) -> Written | None:
        path = event.facts.get("path")
        if not isinstance(path, str):
            self._unsay(event, "which page is not known")
            return None
        told = self._harmless.properties(event)
        return {**self._at(event), "page": path, **({"properties": told} if told else {})}

    def _identify(self, event: Event) -> Written | None:
        traits = self._harmless.attributes(
            {snake_case(trait): value for trait, value in event.traits.items() if trait != "email"}
        )
        if not traits or not self._recorded.email:
            self._unsay(event, "it told nothing that a case can tell")
            return None
        return {**self._at(event), "identify": traits}

    def _enroll(self, event: Event) -> Written | None:
        sequence = str(event.properties.get("sequence"))
        if sequence not in self._definitions.sequences:
            self._unsay(event, f"there is no sequence {sequence!r} any more")
            return None
        return {**self._at(event), "enroll": sequence}

    def _reject(self, event: Event) -> Written:
        return {**self._at(event), "reject": "not now"}

    def _unsubscribe(self, event: Event) -> Written:
        return {**self._by_link(event), "unsubscribe": True}

    def _confirm(self, event: Event) -> Written | None:
        purpose = str(event.properties.get("purpose"))
        if purpose not in self._definitions.consents.purposes:
            self._unsay(event, f"there is no purpose {purpose!r} any more")
            return None
        return {**self._by_link(event), "confirm": purpose}

    def _prefer(self, event: Event) -> Written:
        told, there = event.properties, self._definitions.consents.topics
        topics = {topic: wanted for topic, wanted in told.get("topics", {}).items() if topic in there}
        until = pause_in(told.get("paused_until"), event.occurred_at)
        pause = {"pause": format_duration(until - event.occurred_at)} if until is not None else {}
        return {**self._by_link(event), "prefer": {"topics": topics, "pace": told.get("pace", "all"), **pause}}

    def _by_link(self, event: Event) -> Written:
        after = self._after(event) if event.message in self._mails else None
        return after or self._at(event)

    def _event(self, event: Event) -> Written:
        told, path = self._harmless.properties(event), event.facts.get("path")
        by_server = event.assurance == "verified" and self._recorded.email is not None
        return {
            **self._at(event), "event": event.name, **({"properties": told} if told else {}),
            **({"page": path} if isinstance(path, str) and path.startswith("/") else {}), **({"by": "server"} if by_server else {}),
        }  # fmt: skip


def _is_there(mail: RealMail, definitions: Definitions) -> bool:
    sequence = definitions.sequences.get(mail.sequence)
    return sequence is not None and mail.step in sequence.program.nodes


def zone_told(attributes: Mapping[str, Any]) -> str | None:
    """The time zone that somebody's browser told, if it is one."""
    zone = attributes.get("timezone")
    return zone if isinstance(zone, str) and zone in available_timezones() else None
