"""May an event tell who somebody is? And what is left of it if not; pure.

What counts as proof of consent: the word of the page, in each call, that its visitor agreed (`context.consent`, which the
event keeps as it was said); a form that somebody sent, for what they wrote into it; or a server's secret key, whose owner
answers for having asked. A browser's objection (`Sec-GPC: 1`, or `DNT: 1`) weighs more than a page's word, and a page's plain
`false` more than anything. Consent to be followed is not consent to be mailed: that one is a form's box.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from nurture.domain.event import Event
from nurture.domain.ids import event_key
from nurture.domain.privacy import ConsentMode
from nurture.web.refusals import invalid

#: As a page without script writes them into an address.
_WORDS: Final[Mapping[Any, bool]] = {True: True, False: False, "true": True, "false": False}


def consent_said(said: Any) -> bool | None:
    """Whether a call says that its person agreed; None if it says nothing about it.

    `said` is `true` or `false`, or Segment's `{"categoryPreferences": {"advertising": true, …}}`, in which one category is
    enough. Raises Refusal (422) that names the place, for a word about consent must not be misread.
    """
    if said is None:
        return None
    if not isinstance(said, dict):
        return _yes_or_no(said, "context.consent")
    preferences = said.get("categoryPreferences")
    if preferences is None or preferences == {}:
        return None
    place = "context.consent.categoryPreferences"
    if not isinstance(preferences, dict):
        raise invalid("type", "this is an object of categories, each true or false", place)
    answers = [_yes_or_no(value, f"{place}.{category}") for category, value in preferences.items()]
    return any(answers)


def _yes_or_no(said: Any, place: str) -> bool:
    answer = _WORDS.get(said) if isinstance(said, bool | str) else None
    if answer is None:
        raise invalid("type", "consent is true, false, or an object with categoryPreferences", place)
    return answer


def is_consented(mode: ConsentMode, *, said: bool | None, objects: bool, vouched: bool) -> bool:
    """Whether an event may tell who somebody is.

    `said` is what the call says of consent, `objects` whether the browser asks not to be followed, `vouched` whether a server
    with a secret key sends it.
    """
    if said is False:
        return False
    if mode == "open" or vouched:
        return True
    return not objects and (mode == "gpc_optout" or said is True)


def anonymous(event: Event) -> Event:
    """What may be kept of an event without consent: that it happened, on which page, and by which channel they came.

    The id is a hash of the sender's own, so that an event that is sent again still counts once.
    """
    return Event(
        message_id=str(event_key("unconsented", f"{event.source}\n{event.message_id}")),
        source=event.source,
        kind=event.kind,
        name=event.name,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        assurance=event.assurance,
        consented=False,
        context=_surroundings(event.context),
    )


def _surroundings(context: Mapping[str, Any]) -> dict[str, Any]:
    page: Mapping[str, str] = context.get("page", {})
    campaign: Mapping[str, str] = context.get("campaign", {})
    kept = {
        "page": {
            "path": _before_query(page.get("path", "")),
            "url": _without_query(page.get("url", "")),
            "referrer": _site(page.get("referrer", "")),
        },
        "campaign": {part: campaign.get(part, "") for part in ("source", "medium")},
    }
    filled = {name: {part: value for part, value in parts.items() if value} for name, parts in kept.items()}
    return {name: parts for name, parts in filled.items() if parts}


def _before_query(path: str) -> str:
    """A path alone; nothing of what is none, such as that of `mailto:`."""
    return path.partition("?")[0].partition("#")[0] if path.startswith("/") else ""


def _site(url: str) -> str:
    """Scheme and host of a URL; nothing of what is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    return f"{parts.scheme}://{host}" if parts.scheme and host else ""


def _without_query(url: str) -> str:
    """Where a page lies. Its host tells a visit from a step within the site."""
    site = _site(url)
    return f"{site}{_before_query(urlsplit(url).path)}" if site else ""
