"""Who somebody is, and how we know."""

from datetime import timedelta

import pytest

from nurture.errors import UnknownPerson
from nurture.reports.identity_story import IdentityStory, identity_story
from nurture.reports.story import story
from tests.support.events import MONDAY, download, event, form, page
from tests.support.installation import Installation


def told(installation: Installation, who: str = "ana@acme.test") -> IdentityStory:
    return identity_story(installation.engine, who)


def test_identifiers_are_told_with_how_far_the_word_of_their_source_goes(installation: Installation) -> None:
    later = MONDAY + timedelta(hours=2)
    installation.happen(page("/a"), event("identified", anonymous_id="device-1", email="ana@acme.test", assurance="verified"))
    installation.happen(page("/b", at=later))
    found = told(installation)
    assert [(each.kind, each.value, each.assurance, each.source) for each in found.identifiers] == [
        ("anonymous_id", "device-1", "verified", "website"), ("email", "ana@acme.test", "verified", "website"),
    ]  # fmt: skip
    device = found.identifiers[0]
    assert (device.first_seen_at, device.last_seen_at) == (MONDAY, later)
    assert (found.by_hand, found.recount_at, found.journal, found.others) == (False, None, (), ())


def test_a_merge_is_told_with_its_id_and_reason(installation: Installation) -> None:
    installation.happen(form("ana@acme.test", "office"), page("/a", "phone"))
    installation.happen(form("ana@acme.test", "phone"))
    found = told(installation)
    [merge] = found.journal
    assert (merge.action, merge.person, merge.other, merge.by) == ("merged", found.person, found.merged[0], "event")
    assert merge.id > 0
    assert merge.undone_at is None


def test_a_shared_device_names_the_other_person_on_both_sides(installation: Installation) -> None:
    installation.happen(form("ana@acme.test"))
    installation.happen(form("ben@acme.test", at=MONDAY + timedelta(hours=1)))
    for one, other in (("ana@acme.test", "ben@acme.test"), ("ben@acme.test", "ana@acme.test")):
        [found] = told(installation, one).others
        assert (found.email, found.kind, found.value) == (other, "anonymous_id", "device-1")


def test_refused_links_and_warnings_are_told(installation: Installation) -> None:
    installation.happen(event("identified", email="ana@acme.test", user_id="u-1"))
    warned = event("identified", email="ana@acme.test", user_id="u-2", warnings=("anonymousId: 'null' names nobody",))
    installation.happen(warned)
    found = told(installation)
    assert [(each.action, each.value) for each in found.journal] == [("refused", "u-2")]
    assert [(each.name, each.warning) for each in found.warnings] == [("identified", "anonymousId: 'null' names nobody")]
    assert IdentityStory.model_validate_json(found.model_dump_json()) == found


def test_nobody_is_said_to_be_nobody(installation: Installation) -> None:
    with pytest.raises(UnknownPerson):
        told(installation, "nobody@acme.test")


def test_touches_are_told_at_events_at_promotions_and_of_the_person(installation: Installation) -> None:
    context = {"page": {"path": "/", "url": "https://x.test/?utm_source=news&utm_medium=email&utm_campaign=spring"}}
    installation.happen(event("page_viewed", anonymous_id="device-1", context=context))
    later = MONDAY + timedelta(hours=1)
    installation.happen(form("ana@acme.test", at=later), download("ana@acme.test", at=later))
    found = story(installation.engine, installation.definitions, "ana@acme.test", installation.clock.now())
    assert found.first_touch is not None
    assert (found.first_touch.campaign, found.first_touch) == ("spring", found.last_touch)
    assert found.stage_changes[0].touch == found.first_touch
    assert found.events[0].channel == found.first_touch.channel
    assert [each.stage for each in found.stages] == ["audience", "lead"]
