"""What a person does in a case, and when."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from nurture.domain.cases.expectations import Expectations
from nurture.domain.cases.moments import Moment
from nurture.domain.cases.names import Attributes, StepName
from nurture.domain.duration import Duration
from nurture.domain.event import (
    ASSET_DOWNLOADED,
    CONSENT_CONFIRMED,
    EMAIL_CLICKED,
    ENROLL_REQUESTED,
    FORM_SUBMITTED,
    IDENTIFIED,
    LEAD_REJECTED,
    PAGE_VIEWED,
    PREFERENCES_CHANGED,
    RESERVED_NAMES,
    UNSUBSCRIBED,
)
from nurture.domain.model import Definition, EventName, Problem, Slug, refuse
from nurture.domain.preferences import Pace
from nurture.domain.wording import nearest

#: What an event must not be written as, for there is a word of its own for it.
_OWN_WORDS: Final[Mapping[str, str]] = {
    ASSET_DOWNLOADED: "download", EMAIL_CLICKED: "click", ENROLL_REQUESTED: "enroll", FORM_SUBMITTED: "form",
    IDENTIFIED: "identify", LEAD_REJECTED: "reject", PAGE_VIEWED: "page", UNSUBSCRIBED: "unsubscribe",
    CONSENT_CONFIRMED: "confirm", PREFERENCES_CHANGED: "prefer",
}  # fmt: skip


class Timed(Definition):
    """Something in a case, and when it comes."""

    at: Moment | None = None
    """When: so long after the beginning, such as 2d3h, or 2026-03-04T10:00."""
    after: StepName | None = None
    """Instead of `at`: the step whose mail it comes after."""
    in_: Duration | None = Field(default=None, alias="in")
    """How long after that mail, such as 2h."""

    @model_validator(mode="after")
    def _has_one_time(self) -> "Timed":
        refuse("act", _mistakes_in_time(self))
        return self


def _mistakes_in_time(act: Timed) -> list[Problem]:
    if act.at is None and act.after is None:
        return [Problem((), "it is not said when this happens; add 'at: 2d', or 'after: STEP' with 'in: 2h'")]
    if act.at is not None and act.after is not None:
        return [Problem(("after",), "this happens either at a moment or after a mail; keep 'at' or 'after'", in_key=True)]
    if act.after is not None and act.in_ is None:
        return [Problem(("after",), "it is not said how long after the mail; add 'in: 2h'", in_key=True)]
    if act.at is not None and act.in_ is not None:
        return [Problem(("in",), "'in' goes with 'after'; write the whole time behind 'at'", in_key=True)]
    return []


class FormPosted(Timed):
    """They post a form, with what is known of them that it asks for. If it sends people to its asset, they download that, too."""

    form: Slug
    """The form in forms.yaml."""
    fields: Attributes = {}
    """What they type that is not as written under `person`."""
    downloads: bool = True
    """Whether they follow on to the asset."""


class Downloaded(Timed):
    """They open an asset through their personal link."""

    download: Slug
    """The asset in assets.yaml."""
    from_: StepName | None = Field(default=None, alias="from")
    """The step whose mail had the link; without it, the form that they posted."""


class PageViewed(Timed):
    """They look at a page."""

    page: Annotated[str, Field(min_length=1, max_length=2_000)]
    """Its path, such as /pricing, or its whole address."""
    properties: dict[str, Any] = {}
    """What else is told of it."""


class Clicked(Timed):
    """They click in a mail."""

    click: StepName
    """The step whose mail it is."""
    to: Annotated[str, Field(min_length=1, max_length=2_000)] = "/"
    """Where the link leads: a path or a whole address."""
    by: Literal["human", "machine"] = "human"
    """Who clicks: the reader, or a mail scanner."""


class Happened(Timed):
    """Something of your own happens, which your site or a server tells."""

    event: EventName
    """Its name."""
    properties: dict[str, Any] = {}
    """What is told of it."""
    page: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    """The page on which it happens."""
    by: Literal["browser", "server"] = "browser"
    """Who tells it: the person's browser, or a server that knows their address."""

    @field_validator("event")
    @classmethod
    def _is_nobodys(cls, name: str) -> str:
        if name in _OWN_WORDS:
            raise ValueError(f"{name!r} has a word of its own here; write '{_OWN_WORDS[name]}: …' instead of 'event'")
        if name in RESERVED_NAMES:
            raise ValueError(f"{name!r} is told by the engine alone; leave it out")
        return name


class Told(Timed):
    """A server tells something about them."""

    identify: Annotated[Attributes, Field(min_length=1)]
    """What: attributes with their values, such as {webinar_day: 2026-03-14}."""


class Enrolled(Timed):
    """Somebody puts them on a sequence, as `nurture person enroll` does."""

    enroll: Slug
    """The sequence."""


class Rejected(Timed):
    """Sales sends them back, as `nurture person reject` does."""

    reject: Annotated[str, Field(min_length=1, max_length=200)]
    """The reason."""


class Unsubscribed(Timed):
    """They unsubscribe, by the link in their latest mail."""

    unsubscribe: Literal[True]
    """Always true."""


class Confirmed(Timed):
    """They confirm what they agreed to, by the link in their latest mail and the button behind it."""

    confirm: Slug
    """The purpose in consents.yaml."""


class Preferences(Definition):
    """What somebody chooses on their preferences page; a topic that is not named stays as it is."""

    topics: dict[Slug, bool] = {}
    """Whether they wish to read of it, by topic."""
    pace: Pace = Pace.ALL
    """How often at most: all, weekly or monthly."""
    pause: Duration | None = None
    """For how long they wish for no mail, up to 90d."""


class Chosen(Timed):
    """They choose what to receive, by the link in their latest mail."""

    prefer: Preferences
    """What they choose."""


class Checked(Timed):
    """Nothing happens: what must be so at that moment, of all that was until then."""

    expect: Expectations
    """What must be so."""


#: What makes an entry what it is; `event` comes first, for it may have a page.
ACT_KINDS: Final[Mapping[str, str]] = {
    "event": "<Happened>", "form": "<FormPosted>", "download": "<Downloaded>", "page": "<PageViewed>", "click": "<Clicked>",
    "identify": "<Told>", "enroll": "<Enrolled>", "reject": "<Rejected>", "unsubscribe": "<Unsubscribed>", "confirm": "<Confirmed>",
    "prefer": "<Chosen>", "expect": "<Checked>",
}  # fmt: skip


def _kind_of_act(value: Any) -> str | None:
    if isinstance(value, Definition):
        return f"<{type(value).__name__}>"
    if not isinstance(value, dict):
        return None
    meant = next((key for key in ACT_KINDS if key in value), None)
    near = meant or next(filter(None, (nearest(key, ACT_KINDS, alike=0.75) for key in value)), None)
    return ACT_KINDS.get(near or "")


Act = Annotated[
    Annotated[FormPosted, Tag("<FormPosted>")]
    | Annotated[Downloaded, Tag("<Downloaded>")]
    | Annotated[PageViewed, Tag("<PageViewed>")]
    | Annotated[Clicked, Tag("<Clicked>")]
    | Annotated[Happened, Tag("<Happened>")]
    | Annotated[Told, Tag("<Told>")]
    | Annotated[Enrolled, Tag("<Enrolled>")]
    | Annotated[Rejected, Tag("<Rejected>")]
    | Annotated[Unsubscribed, Tag("<Unsubscribed>")]
    | Annotated[Confirmed, Tag("<Confirmed>")]
    | Annotated[Chosen, Tag("<Chosen>")]
    | Annotated[Checked, Tag("<Checked>")],
    Discriminator(
        _kind_of_act,
        custom_error_type="mistake",
        custom_error_message="{text}",
        custom_error_context={"text": f"this says nothing that happens; write one of {', '.join(ACT_KINDS)}"},
    ),
]
