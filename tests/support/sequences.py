"""Random sequences: every trigger, step, wait, window and rule that the language has, and nothing that `nurture check` refuses.

    @given(documents())                    one sequence as in YAML
    @given(folders(("alpha", "beta")))     definitions of several; the first may lead on to the second

Whatever they name (e-mails, pools, endpoints, events …) stands in `Words`; `definitions_with` defines it all.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from nurture.domain.definitions import Definitions
from tests.support.definitions import DEFINITIONS, definitions

Step = dict[str, Any]
Document = dict[str, Any]


class Words(NamedTuple):
    """The names that sequences are made of."""

    emails: tuple[str, ...] = ("hello", "case", "figures", "offer")
    pools: tuple[str, ...] = ("evergreen", "short")
    rules: tuple[str, ...] = ("article", "download", "careers")
    endpoints: tuple[str, ...] = ("crm", "chat")
    events: tuple[str, ...] = ("signed_up", "webinar_attended", "page_viewed", "demo_requested")
    stages: tuple[str, ...] = ("audience", "lead", "mql", "sql")
    attributes: tuple[str, ...] = ("plan", "seats", "job_title")
    dates: tuple[str, ...] = ("webinar_day", "renews_on")
    chains: tuple[str, ...] = ()


WORDS: Final = Words()

_DURATIONS: Final = ("30m", "1h", "20h", "1d", "36h", "3d", "8d")
_ZONES: Final = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "Australia/Lord_Howe", "UTC")
_HOURS: Final = ("09:00-18:00", "20:00-08:00", "00:00-24:00", "02:00-03:00", "10:00-10:30")
_DAYS: Final = ("mon-fri", "mon-sun", "tue,thu", "sun", "fri-mon")
_CLOCKS: Final = ("00:00", "02:30", "09:00", "17:45")
_WEEKDAYS: Final = ("monday", "mon,thu", "sat-sun", "fri")

durations = st.sampled_from(_DURATIONS)
late_policies = st.sampled_from(("send", "skip", "next_window")) | st.fixed_dictionaries(
    {"then": st.sampled_from(("send", "skip", "next_window"))}, optional={"after": durations}
)
windows = st.fixed_dictionaries(
    {},
    optional={
        "days": st.sampled_from(_DAYS),
        "hours": st.sampled_from(_HOURS),
        "timezone": st.sampled_from(("person", *_ZONES)) | st.sampled_from((["person", "country", "Asia/Tokyo"], ["country"])),
        "holidays": st.sampled_from(("FR", "person")),
        "spread": st.sampled_from(("20m", "2h")),
    },
)
_when = st.fixed_dictionaries({}, optional={"window": windows | st.just("any"), "late": late_policies})


def documents(
    name: str = "alpha", words: Words = WORDS, *, depth: int = 2, longest: int = 4, mails: int = 0
) -> st.SearchStrategy[Document]:
    """A sequence as in YAML; `depth` is how deep steps nest, `longest` how many stand in one list at most.

    So many `mails` at least stand on its first level, so that something comes of it.
    """
    return _documents(name, words, depth, longest, mails)


def folders(names: Sequence[str], words: Words = WORDS, *, mails: int = 0, **changed: Any) -> st.SearchStrategy[Definitions]:
    """Definitions of several sequences, each of which may lead on to those behind it; `changed` as for `definitions`."""
    each = {
        name: documents(name, words._replace(chains=(*words.chains, *names[index + 1 :])), mails=mails)
        for index, name in enumerate(names)
    }
    return st.fixed_dictionaries(each).map(lambda written: definitions_with(*written.values(), words=words, **changed))


def definitions_with(*written: Document, words: Words = WORDS, **changed: Any) -> Definitions:
    """The shared definitions with these sequences alone, and whatever their words name."""
    endpoints = {
        name: {"url": f"https://{name}.example.com/hooks", "stages": ["sql"], "secret": name} for name in words.endpoints
    }
    surroundings = {
        "sequences": {each["sequence"]: each for each in written},
        "pools": {
            name: [{"email": f"{name}-{number}"} for number in range(2)] + [{"email": f"{name}-guide", "asset": "guide"}]
            for name in words.pools
        },
        "handoff": {"endpoints": endpoints},
        "assets": DEFINITIONS["assets"],
    }
    return definitions(**(surroundings | changed))


@cache
def conditions(words: Words = WORDS, *, steps: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """A condition on a person; `steps` are those of whom a branch may ask whether they happened."""
    question = st.one_of(
        st.builds(lambda stage: {"stage": stage}, st.sampled_from(words.stages)),
        st.builds(lambda points: {"engagement": {"at_least": points}}, st.integers(0, 60)),
        st.builds(lambda name, known: {name: {"exists": known}}, st.sampled_from(words.attributes), st.booleans()),
        st.builds(
            lambda event, more: {"happened": {"event": event, **more}},
            st.sampled_from(words.events),
            st.fixed_dictionaries({}, optional={"within": durations, "times": st.integers(0, 2)}),
        ),
        *([st.builds(lambda step: {"happened": step}, st.sampled_from(steps))] if steps else []),
    )
    return st.one_of(
        question,
        st.builds(lambda one: {"not": one}, question),
        st.builds(lambda several: {"any": several}, st.lists(question, min_size=1, max_size=2)),
        st.builds(lambda several: {"all": several}, st.lists(question, min_size=1, max_size=2)),
    )


@cache
def pauses(words: Words = WORDS) -> st.SearchStrategy[Any]:
    """What stands behind `wait:`."""
    at = {"at": st.sampled_from(_CLOCKS)}
    if_missing = {"if_missing": st.sampled_from(("exit", "continue"))}
    dates = st.sampled_from(words.dates)
    before_or_after = st.sampled_from(({}, {"before": "1d"}, {"after": "2d"}))
    return st.one_of(
        durations,
        st.fixed_dictionaries({"business_days": st.integers(1, 4)}, optional=at),
        st.fixed_dictionaries({"until": st.sampled_from(_WEEKDAYS)}, optional=at),
        st.builds(operator.or_, st.fixed_dictionaries({"date": dates}, optional=at | if_missing), before_or_after),
        st.fixed_dictionaries({"date": dates, "before": st.just("90m")}, optional=if_missing),
    )


@cache
def triggers(words: Words = WORDS) -> st.SearchStrategy[Any]:
    """Whatever puts people on a sequence."""
    events = st.sampled_from(words.events)
    return st.one_of(
        st.builds(lambda stage: {"promoted_to": stage}, st.sampled_from(words.stages[1:])),
        st.builds(lambda event: {"event": event}, events),
        st.builds(
            lambda event, path: {"event": event, "where": {"path": path}}, events, st.sampled_from(("/pricing", "/blog/x"))
        ),
        st.just({"form": "guide"}),
        st.just({"asset": "guide"}),
        st.builds(lambda condition: {"enters": condition}, conditions(words)),
        st.builds(
            lambda name, shift: {"date": name, **shift},
            st.sampled_from(words.dates),
            st.sampled_from(({}, {"before": "1d"}, {"after": "2h"}, {"before": "1d", "at": "09:00"}, {"at": "17:45"})),
        ),
        st.just("manual"),
    )


@cache
def _around(words: Words) -> st.SearchStrategy[dict[str, Any]]:
    """What a sequence says beside its trigger and its steps."""
    events = st.sampled_from(words.events)
    return st.fixed_dictionaries(
        {},
        optional={
            "audience": conditions(words),
            "enroll": st.sampled_from(("from_now", "backfill", {"backfill": "30d"})),
            "priority": st.integers(0, 100),
            "goal": st.builds(lambda event: {"event": event}, events),
            "holdout": st.sampled_from(("10%", "50%")),
            "exit": st.lists(st.just("unsubscribed") | events | conditions(words), max_size=2),
            "reentry": st.sampled_from(("never", "after_exit", {"after": "3d"})),
            "window": windows,
            "late": late_policies,
        },
    )


@st.composite
def _documents(draw: st.DrawFn, name: str, words: Words, depth: int, longest: int, mails: int) -> Document:
    drafting = _Drafting(draw, words, longest)
    trigger = draw(triggers(words))
    more = draw(_around(words))
    if trigger == "manual":
        more.pop("enroll", None)
    if "goal" not in more:
        more.pop("holdout", None)
    steps = drafting.steps(depth) + [step for _ in range(mails) for step in (drafting.mail(), *drafting.steps(depth, 0, 1))]
    _aim_gotos(draw, steps)
    return {"sequence": name, "trigger": trigger, **more, "steps": steps}


class _Drafting:
    """Draws steps in the order in which they are written, and remembers what later ones may name."""

    def __init__(self, draw: st.DrawFn, words: Words, longest: int) -> None:
        self._draw, self._words, self._longest = draw, words, longest
        self._drawn = 0
        self.mails: list[str] = []
        self.waits: list[str] = []

    def steps(self, depth: int, least: int = 1, most: int | None = None) -> list[Step]:
        return [self._step(depth) for _ in range(self._draw(st.integers(least, most or self._longest)))]

    def mail(self) -> Step:
        """A step that mails."""
        return self._email()

    def _step(self, depth: int) -> Step:
        plain: list[Callable[[], Step]] = [self._email, self._wait, self._set, self._score, self._notify, self._goto]
        nesting: list[Callable[[int], Step]] = [self._pool, self._wait_for, self._branch, self._split]
        if self._words.chains:
            plain.append(self._chain)
        if depth:
            kind = self._draw(st.integers(0, len(plain) + len(nesting) - 1))
            return plain[kind]() if kind < len(plain) else nesting[kind - len(plain)](depth - 1)
        return self._draw(st.sampled_from(plain))()

    def _own(self) -> str:
        self._drawn += 1
        return f"step-{self._drawn}"

    def _perhaps_named(self, step: Step) -> Step:
        return {"id": self._own(), **step} if self._draw(st.booleans()) else step

    def _one(self, choice: Sequence[Any]) -> Any:
        return self._draw(st.sampled_from(choice))

    def _when(self) -> dict[str, Any]:
        return self._draw(_when)

    def _email(self) -> Step:
        own = self._own()
        self.mails.append(own)
        variants: dict[str, Any] = {}
        if self._draw(st.booleans()):
            second = {"weight": self._draw(st.integers(1, 5)), **self._one(({"subject": "Hi"}, {"email": "offer"}))}
            variants = {"variants": {"a": {}, "b": second}}
        return {"id": own, "email": self._one(self._words.emails), **variants, **self._when()}

    def _pool(self, depth: int) -> Step:
        own = self._own()
        self.mails.append(own)
        step = {"id": own, "pool": self._one(self._words.pools), **self._when()}
        return {**step, "exhausted": self.steps(depth)} if self._draw(st.booleans()) else step

    def _wait(self) -> Step:
        return self._perhaps_named({"wait": self._draw(pauses(self._words))})

    def _wait_for(self, depth: int) -> Step:
        own = self._own()
        awaited: dict[str, Any] = {"event": self._one(self._words.events), "within": self._draw(durations)}
        if self._draw(st.booleans()) and self.mails:
            awaited = {"event": "email_clicked", "message": self._one(self.mails), "within": self._draw(durations)}
        if self._draw(st.booleans()):
            awaited["where"] = {"path": "/pricing"}
        if self._draw(st.booleans()):
            awaited["since"] = "step"
        step: Step = {"id": own, "wait_for": awaited}
        if self._draw(st.booleans()):
            step["on_timeout"] = self.steps(depth)
        self.waits.append(own)
        return step

    def _branch(self, depth: int) -> Step:
        before = tuple(self.waits)  # what stands in one arm is no question for the next
        arms: list[Step] = [
            {"if": self._draw(conditions(self._words, steps=before)), "then": self.steps(depth, 0)}
            for _ in range(self._draw(st.integers(1, 2)))
        ]
        return self._perhaps_named({"branch": arms + self._otherwise(depth)})

    def _split(self, depth: int) -> Step:
        arms: list[Step] = [
            {"share": self._draw(st.integers(1, 49)), "then": self.steps(depth, 0)} for _ in range(self._draw(st.integers(1, 2)))
        ]
        return self._perhaps_named({"branch": arms + self._otherwise(depth)})

    def _otherwise(self, depth: int) -> list[Step]:
        return [{"else": self.steps(depth, 0)}] if self._draw(st.booleans()) else []

    def _set(self) -> Step:
        changed = self._one(({"plan": "gold"}, {"seats": 3, "plan": "free"}, {"stage": self._one(self._words.stages)}))
        return self._perhaps_named({"set": changed})

    def _score(self) -> Step:
        return self._perhaps_named({"score": self._one(self._words.rules)})

    def _notify(self) -> Step:
        return self._perhaps_named({"notify": self._one(self._words.endpoints), "text": "Look who is here"})

    def _chain(self) -> Step:
        return self._perhaps_named({"sequence": self._one(self._words.chains)})

    def _goto(self) -> Step:
        return self._perhaps_named({"goto": "end"})


def _aim_gotos(draw: st.DrawFn, steps: Sequence[Step]) -> None:
    """Let each goto lead to a step behind it, or to the end."""
    every = list(every_step(steps))
    for index, step in enumerate(every):
        if "goto" in step:
            behind: list[str] = [each["id"] for each in every[index + 1 :] if "id" in each]
            step["goto"] = draw(st.sampled_from([*behind, "end"]))


def every_step(steps: Sequence[Step]) -> Iterator[Step]:
    """Every step as written, however deep, in the order written."""
    for step in steps:
        yield step
        for inner in inner_lists(step):
            yield from every_step(inner)


def inner_lists(step: Mapping[str, Any]) -> list[list[Step]]:
    """The lists of steps inside a step."""
    arms = [arm.get("then", arm.get("else", [])) for arm in step.get("branch", ())]
    return [*arms, step.get("on_timeout", []), step.get("exhausted", [])]
