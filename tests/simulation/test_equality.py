"""The simulator is the engine: whatever the sequences and whatever people do, it foretells every message, time and reason."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from nurture.domain.definitions import Definitions
from tests.simulation.streams import Stream, address, clicks_of, events_of, stream
from tests.support.both_ways import Played, really, simulated
from tests.support.databases import empty
from tests.support.definitions import SENDING
from tests.support.sequences import folders

#: A Monday, so that the streams cross both changes of the clock in March (New York, Paris).
START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
UNTIL: Final = START + timedelta(days=45)

#: A case is a pair of random definitions and the random deeds of one person who enters a sequence of theirs. Twenty people share their
#: definitions and are played in one installation; each is compared by itself. 2,000 cases on each database, in parts.
PEOPLE, PARTS, CASES_PER_PART = 20, 4, 500
DEFINITIONS_PER_PART = 60


TOPICS: Final = (None, None, "guides", "news")


def _with_sending(folder: Definitions, said: dict[str, Any], topics: dict[str, str | None], asks: dict[str, Any]) -> Definitions:
    sequences = {name: each.model_copy(update={"topic": topics[name]}) for name, each in folder.sequences.items()}
    purpose = {"version": "1", "wording": {"en": "Yes."}, "topics": ["news"], **asks}
    consents = {"purposes": {"marketing-email": purpose}, "topics": {"news": {"en": "News"}, "guides": {"en": "Guides"}}}
    return Definitions.model_validate({
        **dict(folder), "sequences": sequences, "sending": {**SENDING, **said}, "consents": consents,
    })  # fmt: skip


sending = st.fixed_dictionaries(
    {
        "frequency_cap": st.sampled_from((None, {"messages": 1, "per": "3d"}, {"messages": 3, "per": "7d"})),
        "too_late": st.sampled_from(("1h", "3d")),
        "timezone": st.sampled_from(("Europe/Paris", "America/New_York")),
    },
    optional={"quiet_hours": st.sampled_from(({"hours": "21:00-08:00"}, {"hours": "12:00-14:00", "timezone": "UTC"}))},
)
topics = st.fixed_dictionaries({name: st.sampled_from(TOPICS) for name in ("alpha", "beta")})
asks_to_confirm = st.sampled_from(({}, {"double_opt_in": True, "confirm": "beta", "within": "3d"}))
plans = st.builds(_with_sending, folders(("alpha", "beta"), mails=3), sending, topics, asks_to_confirm)


def play(engine: Engine, plan: Definitions, crowd: Sequence[Stream]) -> int:
    """Play what a crowd does both ways, and compare person by person; how many of them entered a sequence."""
    events = [event for number, deeds in enumerate(crowd) for event in events_of(number, deeds, START)]
    unclicked = simulated(plan, events, START, UNTIL)
    events += [event for number, deeds in enumerate(crowd) for event in clicks_of(number, deeds, unclicked)]
    events.sort(key=lambda event: event.received_at)
    foretold = simulated(plan, events, START, UNTIL)
    entered = {row.person for row in foretold.runs}
    assume(len(entered) * 2 > len(crowd))
    empty(engine)
    happened = really(engine, plan, events, START, UNTIL)
    for number in range(len(crowd)):
        compare(foretold, happened, number)
    assert foretold == happened
    return len(entered)


def compare(foretold: Played, happened: Played, number: int) -> None:
    """Whatever concerns one person is the same."""
    for name in Played._fields:
        theirs, really_theirs = (
            [row for row in getattr(played, name) if row.person == address(number)] for played in (foretold, happened)
        )
        assert theirs == really_theirs, f"{name} of person {number}"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
def test_what_is_foretold_is_what_happens_whatever_the_sequences(part: int, migrated_engine: Engine) -> None:
    cases = 0

    @settings(
        max_examples=DEFINITIONS_PER_PART, deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink], derandomize=True,
    )  # fmt: skip
    @given(plans, st.integers(0, 2**32 - 1))
    def every_case(plan: Definitions, seed: int) -> None:
        nonlocal cases
        chance = Random(seed * PARTS + part)
        if cases < CASES_PER_PART:
            cases += play(migrated_engine, plan, [stream(chance) for _ in range(PEOPLE)])

    # Each part draws other examples: they are drawn from a digest of the function.
    every_case.hypothesis.inner_test.__name__ = f"part_{part}"  # type: ignore[attr-defined]  # Hypothesis types it as a plain function
    every_case()
    assert cases >= CASES_PER_PART
