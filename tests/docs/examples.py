"""The examples of a page: how each is put into the example configuration, checked, and played.

An example is a fenced YAML block, and an HTML comment before it says what must happen:

    <!-- play {deeds: […], until: 2026-03-20} -->     it is checked without a mistake, and played; the block after it is the timeline
    <!-- refuse -->                                    it is refused; the block after it is what `nurture check` prints
    <!-- beside FILE -->                               it is added to FILE of the configuration for the examples that follow, up to the next heading
    <!-- instead FILE -->                              it takes the place of that file

A list is taken for steps, keys are taken for keys of a sequence; what a sequence needs beside them is added (`SEQUENCE`).
A deed is `NAME DAY TIME EVENT {properties}`, on the clock of that person.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.calendar import is_holiday
from nurture.adapters.mail.check import _missing
from nurture.adapters.mail.templates import Templates
from nurture.definitions import document
from nurture.definitions.loader import load
from nurture.domain.countries import MAIN_ZONE
from nurture.domain.definitions import Definitions
from nurture.domain.enrollment import REACHED_END, message_id
from nurture.domain.event import ASSET_DOWNLOADED, EMAIL_CLICKED, ENGINE, FORM_SUBMITTED, Event
from nurture.domain.ids import stable_id
from nurture.simulation.engine import Simulation
from nurture.simulation.memory import Memory
from nurture.simulation.story import Line, What
from tests.support.installation import BROWSER

ROOT: Final = Path(__file__).parents[2]

#: What an example stands in that shows only a part of a sequence.
SEQUENCE: Final = {
    "sequence": "sequence: example\n", "trigger": "trigger: {asset: guide-lead-gen}\n",
    "steps": "steps:\n- {id: guide, email: guide-thanks}\n",
}  # fmt: skip

#: What of the example configuration no example is about.
_LEFT_OUT: Final = {
    "sequences",
    "schemas",
    "imports",
    "tests",
    "channels.yaml",
    "privacy.yaml",
    "pools.yaml",
    "reporting.yaml",
    "diagnose.yaml",
}

#: Who is played, unless an example says otherwise, and what they do: Ana of Paris downloads the guide on a Monday morning.
ANA: Final[Mapping[str, Any]] = {"ana": {"country": "FR", "timezone": "Europe/Paris"}}
DOWNLOAD: Final = ("ana 2026-03-02 09:30 asset_downloaded {asset: guide-lead-gen}",)

_PART: Final = re.compile(
    r"^(#+) .*?$|<!-- (play|refuse|beside|instead)\b(.*?)-->\s*```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_SHOWN: Final = re.compile(r"\s*```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DEED: Final = re.compile(r"(\w+) (\S+) (\d\d:\d\d) (\w+)(?: (\{.*\}))?$")


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """An example as it stands on a page: `shown` is what the page says comes of it, and stands at `span` in its text."""

    page: Path
    line: int
    what: str
    text: str
    told: Mapping[str, Any]
    beside: Mapping[str, "Beside"]
    shown: str
    span: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.page.stem}:{self.line}"

    @property
    def whole(self) -> str:
        """The sequence with all it needs."""
        return completed(self.text)

    @property
    def name(self) -> str:
        found = re.search(r"^sequence: *(\S+)$", self.whole, re.MULTILINE)
        return str(self.told.get("file", found[1] if found else "example"))


class Beside(NamedTuple):
    """Another file of the configuration: its text, or what is added to it."""

    text: str
    added: bool


def read(text: str) -> Any:
    """A YAML text as plain values; dates stay texts."""
    found, flaws = document.read(text.encode())
    assert found is not None, (text, flaws)
    return found.plain()


def completed(text: str) -> str:
    """A sequence of which only a part is shown, with what it needs beside it."""
    if text.lstrip().startswith("- "):
        return f"{SEQUENCE['sequence']}{SEQUENCE['trigger']}steps:\n{text}"
    missing = [key for key in SEQUENCE if not re.search(rf"^{key}:", text, re.MULTILINE)]
    before = "".join(SEQUENCE[key] for key in missing if key != "steps")
    return f"{before}{text}{SEQUENCE['steps'] if 'steps' in missing else ''}"


def blocks_with_a_mark(page: Path) -> Iterator[str]:
    """The YAML blocks of a page that a comment before them speaks of."""
    yield from (part[4] for part in _PART.finditer(page.read_text()) if part[2])


def examples_of(page: Path) -> Iterator[Example]:
    """Every example of a page, in its order."""
    text, beside = page.read_text(), dict[str, Beside]()
    for part in _PART.finditer(text):
        heading, what, told, block = part.groups()
        if heading:
            beside = {}
        elif what in ("beside", "instead"):
            beside[told.strip()] = Beside(block, added=what == "beside")
        else:
            shown = _SHOWN.match(text, part.end())
            line = text.count("\n", 0, part.start()) + 1
            assert shown, f"{page}:{line}: say in a ```text block what comes of this example"
            told = read(told) if told.strip() else {}
            yield Example(page, line, what, block, told, dict(beside), shown[1].rstrip("\n"), shown.span(1))


class Checked(NamedTuple):
    """What the loader made of an example: definitions, None if there is an error, and what `nurture check` prints."""

    definitions: Definitions | None
    printed: list[str]


@cache
def checked(example: Example) -> Checked:
    """The example configuration with the example's sequence, and what stands beside it, in place of its own sequences."""
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        copytree(ROOT / "config", config, ignore=lambda _, names: _LEFT_OUT & {*names})
        (config / "sequences").mkdir()
        own = Beside(example.whole, added=False)
        for file, beside in {f"sequences/{example.name}.yaml": own, **example.beside}.items():
            _write(config / file, beside)
        loaded = load(config, _emails_that_nobody_wrote)
    return Checked(loaded.definitions, [str(mistake).removeprefix(f"{folder}/") for mistake in loaded.mistakes])


def _write(path: Path, beside: "Beside") -> None:
    if beside.added and path.exists():
        path.write_text(json.dumps(_merged(read(path.read_text()), read(beside.text))))
    else:
        path.write_text(completed(beside.text) if path.parent.name == "sequences" else beside.text)


def _emails_that_nobody_wrote(definitions: Definitions) -> Iterator[tuple[Path | str, int, str]]:
    yield from _missing(Templates(ROOT / "templates" / "emails"), definitions)


def _merged(known: Any, more: Any) -> Any:
    if isinstance(known, dict) and isinstance(more, dict):
        return known | {key: _merged(known.get(key), value) for key, value in more.items()}
    return [*known, *more] if isinstance(known, list) and isinstance(more, list) else more


def played(example: Example) -> str:
    """The timeline of the example, as the simulator tells it."""
    definitions, printed = checked(example)
    assert definitions is not None, printed
    return _Play(example, definitions).timeline()


class _Play:
    """One example, played."""

    def __init__(self, example: Example, definitions: Definitions) -> None:
        told = example.told
        self.people = {name: dict(known or {}) for name, known in (told.get("people") or ANA).items()}
        self.example, self.definitions = example, definitions
        self.first: dict[str, Event] = {}
        self.events = [self._event(deed) for deed in told.get("deeds", DOWNLOAD)]
        self.start = min(event.occurred_at for event in self.events)
        self.until = _instant(str(told.get("until", "2026-12-31")), "00:00", ZoneInfo("Europe/Paris"))
        self.ids = {stable_id("person", event.key): name for name, event in self.first.items()}

    def _event(self, deed: str) -> Event:
        found = _DEED.match(deed)
        assert found, f"{deed!r} is no deed; write NAME DAY TIME EVENT {{properties}}"
        who, day, clock, name, written = found.groups()
        properties = read(written or "{}")
        at = _instant(day, clock, self.zone(who))
        parts: dict[str, Any] = {"traits": properties.pop("traits", {}), "email": f"{who}@example.com", "assurance": "verified"}
        if who not in self.first:
            parts["traits"] = {**{key: str(value) for key, value in self.people[who].items()}, **parts["traits"]}
        if name in (FORM_SUBMITTED, ASSET_DOWNLOADED):
            parts["submission"] = f"{who} {day} {clock}"
        if name == ASSET_DOWNLOADED:
            properties["gated"] = self.definitions.assets[properties["asset"]].gated
        if name == EMAIL_CLICKED:
            parts |= {"source": ENGINE, "email": None, "person": self.person(who)}
            parts["message"] = message_id(stable_id("enrollment", self.person(who), self.example.name, 1), properties.pop("mail"))
        event = Event(
            **{"source": "site", "message_id": f"{deed}", "name": name, "occurred_at": at, "received_at": at,
               "properties": properties, "context": {"userAgent": BROWSER}, **parts}
        )  # fmt: skip
        self.first.setdefault(who, event)
        return event

    def person(self, who: str) -> int:
        return stable_id("person", self.first[who].key)

    def zone(self, who: str) -> ZoneInfo:
        known = self.people[who]
        return ZoneInfo(known.get("timezone") or MAIN_ZONE.get(known.get("country", "")) or "Europe/Paris")

    def timeline(self) -> str:
        stops = [
            datetime.fromisoformat(each).replace(tzinfo=ZoneInfo("Europe/Paris")) for each in self.example.told.get("outage", [])
        ]
        lines: list[Line] = []
        memory: Memory | None = None
        for begin, end in [(self.start, stops[0]), (stops[1], self.until)] if stops else [(self.start, self.until)]:
            simulation = Simulation(self.definitions, begin, is_holiday, kind_of_agent, memory=memory)
            simulation.take(event for event in self.events if begin <= event.received_at <= end)
            simulation.run(end)
            memory, lines = simulation.memory, [*lines, *simulation.story().lines]
        assert memory is not None
        self.memory = memory
        return "\n".join(self._written(lines))

    def _written(self, lines: Iterable[Line]) -> Iterator[str]:
        told = sorted(lines, key=lambda line: (line.at, _is_outcome(line)))
        for number, (person, name) in enumerate(self.ids.items()):
            if len(self.ids) > 1:
                yield from [""] * bool(number)
                yield f"{name.capitalize()}:"
            before = ""
            for line in told:
                words = self._words(line) if line.person == person else None
                if words is not None:
                    local = self._local(line.at, name)
                    yield f"{local if local != before else '':20}  {words}"
                    before = local

    def _local(self, at: datetime, name: str) -> str:
        return f"{at.astimezone(self.zone(name)):%a %Y-%m-%d %H:%M}"

    def _words(self, line: Line) -> str | None:
        words = self._event_words(line) if line.what is What.EVENT else self._mail_words(line) or self._run_words(line)
        if words is None or line.sequence in (None, self.example.name) or line.what is What.ENTERED:
            return words
        return f"{line.sequence}: {words}"

    def _run_words(self, line: Line) -> str | None:
        told = line.told
        match line.what:
            case What.ENTERED:
                return f"enters {line.sequence}"
            case What.STAGE if self.example.told.get("stages"):
                return f"stage {told['from']} → {told['to']}"
            case What.WAITS:
                return f"waits at {line.step} until {self._local(told['until'], self.ids[line.person])}"
            case What.WENT_ON:
                return f"{line.step}: {told['outcome'].replace('_', ' ')}"
            case What.ALERT:
                return f"tells {told['endpoint']}: {told['text']}"
            case What.ENDED:
                return str(told["status"]) if told["reason"] == REACHED_END else f"{told['status']} ({told['reason']})"
        return None

    def _mail_words(self, line: Line) -> str | None:
        told = line.told
        mail, why = f"{told.get('template')} ({line.step}", str(told.get("reason")).replace("_", " ")
        match line.what:
            case What.SENT:
                return f"mail {mail}, variant {told['variant']})" if "variant" in told else f"mail {mail})"
            case What.SKIPPED:
                return f"no mail {mail}): {why}"
            case What.DEFERRED:
                return f"not yet {mail}): {why}, until {self._local(told['until'], self.ids[line.person])}"
        return None

    def _event_words(self, line: Line) -> str:
        name = str(line.told["event"])
        event = next(
            entry.event for entry in self.memory.log.values()
            if (entry.person, entry.event.name, entry.event.occurred_at) == (line.person, name, line.told["occurred_at"])
        )  # fmt: skip
        said = {key: value for key, value in event.properties.items() if key not in ("sequence", "step", "gated")}
        said |= {key: value for key, value in event.traits.items() if key not in self.people[self.ids[line.person]]}
        return f"— {name}{': ' if said else ''}{', '.join(f'{key} {value}' for key, value in said.items())}"


def _is_outcome(line: Line) -> bool:
    """Whether a line tells where a run stands when all else of its instant is done."""
    return line.what is What.WAITS or (line.what is What.ENDED and line.told["reason"] == REACHED_END)


def _instant(day: str, clock: str, zone: ZoneInfo) -> datetime:
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), zone)


def rewritten(text: str, fresh: Iterable[tuple[Example, str]]) -> str:
    """A page with what comes of its examples now."""
    for example, output in sorted(fresh, key=lambda each: each[0].span, reverse=True):
        begin, end = example.span
        text = f"{text[:begin]}{output}\n{text[end:]}"
    return text
