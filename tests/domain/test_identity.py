"""Whose is an event? Tables for the rules, and every order of a set of events for what must not depend on order."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.absorbing import absorb
from nurture.domain.event import Event
from nurture.domain.identity import STRONG, Identifier, IdentifierKind
from nurture.domain.world import World
from tests.support.definitions import definitions
from tests.support.events import MONDAY, event, form, page

DEFINITIONS = definitions()


def play(*events: Event, world: World | None = None) -> World:
    world = world or World(DEFINITIONS)
    absorb(events, world, lambda _: "browser", MONDAY)
    return world


def owner(world: World, kind: IdentifierKind, value: str) -> int | None:
    found = world.register.owner(Identifier(kind, value))
    person = world.find(found) if found is not None else None
    return person.id if person else None


def rules_hit_by(world: World, address: str) -> dict[str, int]:
    person = owner(world, "email", address)
    assert person is not None
    return {cell.rule: hits for cell, hits in world.cells[person].items()}


def test_an_anonymous_device_that_shows_an_address_becomes_known_and_keeps_its_points() -> None:
    world = play(page("/pricing"), form("ana@acme.test"))
    person = owner(world, "email", "ana@acme.test")
    assert person == owner(world, "anonymous_id", "device-1")
    assert rules_hit_by(world, "ana@acme.test") == {"pricing": 1}


def test_a_second_address_on_a_known_device_is_a_second_person__mautic_4211() -> None:
    world = play(form("ana@acme.test"), form("ben@acme.test"))
    ana, ben = owner(world, "email", "ana@acme.test"), owner(world, "email", "ben@acme.test")
    assert ana != ben
    assert owner(world, "anonymous_id", "device-1") == ben


def test_the_past_of_a_shared_device_stays_with_whom_it_was_counted_for__posthog_381() -> None:
    world = play(form("ana@acme.test"), page("/pricing"), form("ben@acme.test"), page("/careers"))
    ana, ben = owner(world, "email", "ana@acme.test"), owner(world, "email", "ben@acme.test")
    assert ana != ben
    assert rules_hit_by(world, "ana@acme.test") == {"pricing": 1}
    assert rules_hit_by(world, "ben@acme.test") == {"careers": 1}


def test_identifying_an_existing_person_takes_the_anonymous_history_along__mautic_11527() -> None:
    world = play(form("ana@acme.test", device="office"), page("/pricing", device="phone"), form("ana@acme.test", device="phone"))
    ana = owner(world, "email", "ana@acme.test")
    assert owner(world, "anonymous_id", "phone") == owner(world, "anonymous_id", "office") == ana
    assert rules_hit_by(world, "ana@acme.test") == {"pricing": 1}


def test_after_a_merge_the_device_still_counts_for_the_person__mautic_6079() -> None:
    world = play(form("ana@acme.test", device="office"), page("/a", device="phone"), form("ana@acme.test", device="phone"))
    play(page("/pricing", device="phone"), world=world)
    assert rules_hit_by(world, "ana@acme.test") == {"pricing": 1}


def test_one_event_with_identifiers_of_two_people_joins_nobody() -> None:
    world = play(
        event("identified", user_id="u1", email="ana@acme.test"),
        event("identified", user_id="u2", email="ben@acme.test"),
        event("identified", user_id="u1", email="ben@acme.test"),
    )
    assert owner(world, "user_id", "u1") == owner(world, "email", "ana@acme.test")
    assert owner(world, "user_id", "u2") == owner(world, "email", "ben@acme.test")
    assert owner(world, "user_id", "u1") != owner(world, "user_id", "u2")


def test_a_person_holds_one_user_id() -> None:
    world = play(
        event("identified", email="ana@acme.test", user_id="u1"), event("identified", email="ana@acme.test", user_id="u2")
    )
    assert owner(world, "user_id", "u1") == owner(world, "email", "ana@acme.test")
    assert owner(world, "user_id", "u2") != owner(world, "user_id", "u1")


def test_an_alias_takes_an_anonymous_id_along() -> None:
    world = play(page("/pricing", device="d"), event("aliased", kind="alias", previous_id="d", user_id="u1"))
    assert owner(world, "anonymous_id", "d") == owner(world, "user_id", "u1")


def test_a_signed_link_counts_for_its_person_and_leaves_the_device_alone() -> None:
    world = play(form("ana@acme.test", device="ana"), page("/a", device="friend"))
    ana = owner(world, "email", "ana@acme.test")
    play(event("email_clicked", person=ana, anonymous_id="friend", context={"userAgent": "Firefox"}), world=world)
    assert owner(world, "anonymous_id", "friend") != ana


def test_a_machine_that_fills_in_a_form_makes_nobody_known() -> None:
    bot = form("ana@acme.test").model_copy(update={"context": {"method": "HEAD"}})
    assert owner(play(bot), "email", "ana@acme.test") is None


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_one_device_one_address_gives_one_person_in_every_order(order: tuple[int, ...]) -> None:
    """What arrives first must not matter as long as one device shows one address."""
    events = [page("/pricing"), page("/blog/a"), form("ana@acme.test"), event("demo_requested", anonymous_id="device-1")]
    world = play(*(events[index] for index in order))
    assert len({root.id for person in world.people if (root := world.find(person))}) == 1
    assert rules_hit_by(world, "ana@acme.test") == {"pricing": 1, "article": 1}


DEVICES = st.sampled_from(["d1", "d2", "d3"])
ADDRESSES = st.sampled_from(["ana@acme.test", "ben@acme.test", "eve@acme.test"])
EVENTS = st.one_of(
    st.builds(lambda device: page("/pricing", device=device), DEVICES),
    st.builds(lambda address, device: form(address, device=device), ADDRESSES, DEVICES),
    st.builds(
        lambda user, device: event("identified", user_id=user, anonymous_id=device), st.sampled_from(["u1", "u2"]), DEVICES
    ),
)


@given(st.lists(EVENTS, max_size=30), st.integers(1, 30))
def test_no_two_known_people_are_ever_joined_and_no_hit_is_lost(events: list[Event], cut: int) -> None:
    world = World(DEFINITIONS)
    seen: dict[str, int] = {}
    for start in range(0, len(events), cut):
        play(*events[start : start + cut], world=world)
        for address in ("ana@acme.test", "ben@acme.test", "eve@acme.test"):
            person = owner(world, "email", address)
            if person is not None:
                assert seen.setdefault(address, person) == person, "an address never changes hands"
    assert len(set(seen.values())) == len(seen), "two addresses that came alone never share a person"
    moved = [entry.identifier for entry in world.changes.journal if entry.action == "moved"]
    assert all(identifier is not None and identifier.kind not in STRONG for identifier in moved)
    assert sum(sum(cells.values()) for cells in world.cells.values()) == sum(one.name == "page_viewed" for one in events)


@given(st.lists(EVENTS, max_size=20), st.integers(1, 20), st.integers(1, 20))
def test_the_size_of_a_batch_changes_no_score(events: list[Event], one_size: int, other_size: int) -> None:
    def scores(size: int) -> dict[int, float]:
        world = World(DEFINITIONS)
        for start in range(0, len(events), size):
            play(*events[start : start + size], world=world)
        return {person.id: person.heat for person in world.people.values()}

    assert scores(one_size) == scores(other_size)
