"""How people find the site: the table that sorts visits into channels, and what it looks at.

A visit is told by its tags (`utm_…`), by the click id that a platform added to the link, and by the host that the browser
came from. What a tag says counts; a click id that only one kind of link carries fills in what no tag says, then the
referrer, then any other click id. The first rule that holds for the result names the channel.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Annotated, Any, Final, NamedTuple

from pydantic import Field, model_validator

from nurture.domain.channel_table import CLICK_IDS, MEDIUM_OF_LIST, REFERRAL, RULES, SECOND_LEVELS, SOURCES, UNASSIGNED
from nurture.domain.conditions import EventCondition
from nurture.domain.model import SLUG_PATTERN, Definition, Problem, Slug, refuse

#: As long as the column that keeps the channel of an event.
LONGEST_CHANNEL: Final = 32

SOURCE_PATTERN: Final = r"^([^\s/:?#@*]+|[^\s/:?#@*.]+\.\*)$"
HOST_PATTERN: Final = r"^[^\s/:?#@*]+$"
PARAMETER_PATTERN: Final = r"^[^\s=&?#]+$"

#: Of how many different visits a table remembers the channel, so that the usual ones are looked up.
_REMEMBERED: Final = 4_096

ChannelName = Annotated[str, Field(pattern=SLUG_PATTERN, max_length=LONGEST_CHANNEL)]
SourceName = Annotated[str, Field(pattern=SOURCE_PATTERN, max_length=253)]
HostName = Annotated[str, Field(pattern=HOST_PATTERN, max_length=253)]
ParameterName = Annotated[str, Field(pattern=PARAMETER_PATTERN, max_length=64)]


class Visit(NamedTuple):
    """What tells where somebody came from, in small letters: what rules may ask about, beside `source_category`.

    `click_id` is the name of the parameter, `referrer` the host that the browser came from, `landing` the path of the page.
    """

    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None
    click_id: str | None = None
    referrer: str | None = None
    landing: str | None = None


#: The parts of a visit that tags tell: their key in Segment's `campaign`, and the parameter.
TAGS: Final[Mapping[str, str]] = {
    "source": "utm_source", "medium": "utm_medium", "name": "utm_campaign", "content": "utm_content", "term": "utm_term",
}  # fmt: skip

#: What people put into links in place of utm_source.
INFORMAL_TAGS: Final = ("ref", "source")

SOURCE_CATEGORY: Final = "source_category"
FACTS: Final = (*Visit._fields, SOURCE_CATEGORY)


class ClickId(Definition):
    """What a parameter proves that a platform adds to the links it sends people by."""

    source: Annotated[str, Field(min_length=1, max_length=64)]
    """Who sent the visitor, where no tag says so."""
    medium: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """By what kind of link, such as cpc or email; leave it out if the platform adds the parameter to all its links."""


class ChannelRule(Definition):
    """A visit for which `when` holds belongs to `channel`."""

    channel: ChannelName
    """The channel's name in stories and reports; several rules may share one."""
    when: EventCondition | None = None
    """What must be true: source, medium, campaign, content, term, click_id, referrer, landing, source_category. The last
    rule has none and takes whatever is left."""


class Channels(Definition):
    """config/channels.yaml: how visits are sorted into channels. What is built in follows Google Analytics 4."""

    sources: dict[Slug, tuple[SourceName, ...]] = {}
    """Hosts and names to add, by list; rules ask for a list by `source_category`. Built in are search, social, video,
    shopping, ai_assistant and email; other names make lists of your own. `example.com` is a host with all below it, `example`
    a name in utm_source, `example.*` both: the name, and the host under any ending."""
    click_ids: dict[ParameterName, ClickId] = {}
    """Parameters to add or change, such as a network's own click id."""
    internal: tuple[HostName, ...] = ()
    """Hosts that, with all below them, bring nobody: other domains of yours, pages for paying or logging in that send people back."""
    rules: Annotated[tuple[ChannelRule, ...], Field(min_length=1)] | None = None
    """The whole table, in place of the built-in one; the first rule that holds decides."""

    @model_validator(mode="after")
    def _is_consistent(self) -> "Channels":
        refuse("channels", _listed_twice(self.sources))
        return self

    @cached_property
    def compiled(self) -> "Compiled":
        """The table as it is used."""
        return Compiled(self)

    @property
    def lists(self) -> frozenset[str]:
        """The names of all lists of sources."""
        return frozenset({*SOURCES, *self.sources})

    @property
    def names(self) -> frozenset[str]:
        """The channels that a visit may come by."""
        return frozenset(
            {UNASSIGNED, *(name for name, _ in RULES)} if self.rules is None else {each.channel for each in self.rules}
        )


def _listed_twice(sources: Mapping[str, Iterable[str]]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, entries in sources.items():
        for index, entry in enumerate(entries):
            other = first.setdefault(entry.lower(), name)
            if other != name:
                text = f"{entry!r} stands in the list {other!r} already, and a source is in one list; delete one of them"
                yield Problem(("sources", name, index), text)


class Compiled:
    """A table of channels made ready: lists as dictionaries, conditions in small letters, and what was decided before."""

    def __init__(self, channels: Channels) -> None:
        self._hosts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._brands: dict[str, str] = {}
        for lists in (SOURCES, channels.sources):  # the later word counts
            for category, entries in lists.items():
                self._enter(category, entries)
        self._internal = frozenset(_ascii(each).removeprefix("www.") for each in channels.internal)
        self.click_ids = _in_order(channels.click_ids)
        self._weights = {name: weight for weight, name in enumerate(self.click_ids)}
        self.parameters = frozenset({*TAGS.values(), *INFORMAL_TAGS, *self.click_ids})
        rules = RULES if channels.rules is None else [(rule.channel, rule.when and rule.when.raw) for rule in channels.rules]
        self._rules = [(channel, None if when is None else EventCondition(in_small(when))) for channel, when in rules]
        fields = {name for _, when in self._rules if when is not None for name in when.fields()}
        self._asked = _picker([index for index, name in enumerate(Visit._fields) if name in fields])
        self._decide = lru_cache(_REMEMBERED)(self._first_that_holds)

    def _enter(self, category: str, entries: Iterable[str]) -> None:
        for entry in entries:
            name = _ascii(entry)
            if name.endswith(".*"):
                brand = name.removesuffix(".*")
                self._brands[brand] = self._names[brand] = category
            elif "." in name:
                self._hosts[name.removeprefix("www.")] = category
            else:
                self._names[name] = category

    def channel_of(self, visit: Visit) -> str:
        """The channel of a visit."""
        return self._decide(*self._asked(visit), self.category_of(visit.source))

    def _first_that_holds(self, *asked: str | None) -> str:
        facts = dict(zip((*self._asked(Visit._fields), SOURCE_CATEGORY), asked, strict=True))
        return next((channel for channel, when in self._rules if when is None or when.holds(facts)), UNASSIGNED)

    def weightiest(self, told: Iterable[str]) -> str | None:
        """Of the parameters of an address, the click id that proves most; None if there is none."""
        found = [name for name in told if name in self._weights]
        return min(found, key=self._weights.__getitem__, default=None)

    def category_of(self, source: str | None) -> str | None:
        """The list in which a source stands, be it a name or a host; the closest entry counts."""
        if not source:
            return None
        if "." not in source:
            return self._names.get(source)
        found = _above(source, self._hosts)
        return self._hosts[found] if found else self._brands.get(brand_of(source))

    def name_of(self, host: str) -> str:
        """A host by the name that is listed for it under all endings (`google` for google.fr), else the host itself."""
        brand = brand_of(host)
        return brand if brand in self._brands and _above(host, self._hosts) is None else host

    def medium_of(self, source: str) -> str:
        """The medium of a visit that nothing tells about but its source."""
        return MEDIUM_OF_LIST.get(self.category_of(source) or "", REFERRAL)

    def is_internal(self, host: str) -> bool:
        """Whether somebody who comes from this host was with us before."""
        return host in self._internal or _above(host, self._internal) is not None


def _picker(indices: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Takes these parts of a visit: the channel is remembered by what rules ask about, not by each landing page."""
    if len(indices) > 1:
        return itemgetter(*indices)
    return lambda visit: tuple(visit[index] for index in indices)


def _in_order(added: Mapping[str, ClickId]) -> Mapping[str, ClickId]:
    """All click ids in the order of their weight: those that prove a medium, then the rest; built in, then by name."""
    known = {name: ClickId.model_validate(proof) for name, proof in CLICK_IDS.items()}
    known |= {name.lower(): added[name] for name in sorted(added)}
    return dict(sorted(known.items(), key=lambda each: each[1].medium is None))


def _above(host: str, known: Container[str]) -> str | None:
    """The host itself or the closest one above it that is known; never a mere ending such as `com`."""
    while "." in host:
        if host in known:
            return host
        host = host.partition(".")[2]
    return None


def brand_of(host: str) -> str:
    """The name that a host has under its ending: `google` for google.fr, google.co.uk and m.google.com; else nothing.

    Hosts below it are other places: docs.google.com is no search engine.
    """
    labels = host.removeprefix("m.").split(".")
    endings = 2 if len(labels[-1]) == 2 and len(labels) > 2 and labels[-2] in SECOND_LEVELS else 1  # noqa: PLR2004 - as in co.uk
    return labels[0] if len(labels) == endings + 1 else ""


def _ascii(entry: str) -> str:
    """An entry as browsers send it; what cannot be a host stays as it is."""
    try:
        return entry.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return entry.lower()


def in_small(raw: Any) -> Any:
    """A condition that compares with texts in small letters, as the facts of a visit are."""
    if not isinstance(raw, dict):
        return [in_small(each) for each in raw] if isinstance(raw, list) else raw.lower() if isinstance(raw, str) else raw
    return {
        key: _any_case(value) if key == "matches" and isinstance(value, str) else in_small(value) for key, value in raw.items()
    }


def _any_case(pattern: str) -> str:
    """A pattern that ignores case, whatever flags of its own follow."""
    return f"(?i){pattern}"
