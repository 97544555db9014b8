"""The same events make the same people and the same scores, in whatever order they come."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.domain.event import Event
from tests.support.definitions import definitions
from tests.support.events import MONDAY, event, form, page
from tests.support.memory import Memory

DEFINITIONS = definitions()
DEVICES = st.sampled_from(["d1", "d2", "d3"])
USERS = st.sampled_from(["u1", "u2"])
ADDRESSES = st.sampled_from(["ana@acme.test", "ben@acme.test", "eve@acme.test"])
ASSURANCES = st.sampled_from(["observed", "observed", "claimed", "verified"])


def _identify(device: str | None, user: str | None, address: str | None, assurance: str) -> Event:
    return event("identified", kind="identify", anonymous_id=device, user_id=user, email=address, assurance=assurance)


def _alias(device: str, user: str) -> Event:
    return event("aliased", kind="alias", previous_id=device, user_id=user)


#: One event each, without the time at which it happened.
HAPPENED = st.one_of(
    st.builds(lambda device, path: page(path, device=device), DEVICES, st.sampled_from(["/pricing", "/blog/a", "/careers"])),
    st.builds(lambda address, device, title: form(address, device=device, job_title=title), ADDRESSES, DEVICES, USERS),
    st.builds(_identify, DEVICES, st.one_of(st.none(), USERS), st.one_of(st.none(), ADDRESSES), ASSURANCES),
    st.builds(_identify, st.none(), USERS, st.one_of(st.none(), ADDRESSES), ASSURANCES),
    st.builds(_alias, DEVICES, USERS),
    st.builds(lambda user: event("demo_requested", user_id=user), USERS),
    st.builds(
        lambda device: page("/pricing", device=device).model_copy(update={"context": {"userAgent": "bot"}}), DEVICES
    ),
)  # fmt: skip


def at_minutes(happened: list[Event]) -> list[Event]:
    """Events a minute apart, in the order given."""
    return [
        each.model_copy(update={"occurred_at": MONDAY + timedelta(minutes=minute), "message_id": str(minute)})
        for minute, each in enumerate(happened)
    ]


def played(events: list[Event], cut: int = 100) -> Memory:
    memory = Memory(DEFINITIONS, MONDAY + timedelta(days=1))
    for start in range(0, len(events), cut):
        memory.take(*events[start : start + cut])
        memory.recount()
    return memory


@given(st.data(), st.lists(HAPPENED, max_size=12).map(at_minutes), st.integers(1, 6))
@settings(max_examples=1500)
def test_every_order_gives_the_same_people_and_scores(data: st.DataObject, told: list[Event], cut: int) -> None:
    arrived = data.draw(st.permutations(told))
    assert played(arrived, cut).people() == played(told).people()
