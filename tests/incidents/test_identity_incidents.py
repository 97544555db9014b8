"""Who is who: sixteen incidents of other systems, each as it would have reached us.

What browsers and servers send goes over HTTP into Redis and from there into the database, in the order in which it happened
and backwards; what comes out must be the same. What the web process alone decides is in `tests/web/test_incidents.py`, the
rules as such are in `tests/domain/test_identity.py`.
"""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, inspect, text

from nurture.adapters.database.tables import events, identifiers, people, stage_changes
from nurture.adapters.tokens import Click
from nurture.domain.identity import LIMITS
from tests.incidents.conftest import Browser, Site

TWO_KNOWN = "two people who are each known are not joined by an event"
TOO_MANY_DEVICES = f"they hold {LIMITS['anonymous_id']} of this kind already"


@pytest.fixture
def shared(site: Site) -> Browser:
    """A browser that several people use."""
    return site.browser("shared-computer")


def test_the_second_login_takes_nothing_from_the_first__mautic_4211(site: Site, shared: Browser) -> None:
    """A second login on one browser moved the first person's history to the second and deleted the first; here both stay,
    what happened before the second login stays with the first, and the browser's later events are the second's.
    """
    shared.page("/pricing")
    shared.identify("ana", email="ana@example.com", firstName="Ana")
    shared.page("/blog/a")
    shared.identify("ben", email="ben@example.com", firstName="Ben")
    shared.page("/careers")
    site.absorb()
    assert site.did("ana") == ["/pricing", "identified", "/blog/a"]
    assert site.did("ben") == ["identified", "/careers"]
    assert (site.hits("ana"), site.hits("ben")) == ({"pricing": 1, "article": 1}, {"careers": 1})
    assert site.names_of("ana") == {("user_id", "ana"), ("email", "ana@example.com")}
    [moved] = site.journal("moved")
    assert (moved.value, moved.person_id, moved.other_id) == ("shared-computer", site.person("ben").id, site.person("ana").id)


def test_nobody_is_greeted_by_anothers_name__mautic_6947(site: Site, shared: Browser) -> None:
    """Names and countries of contacts who shared a network or a browser were mixed; here each keeps what they wrote."""
    shared.form("ana@example.com", first_name="Ana", country="FR", job_title="Head of Sales")
    shared.form("ben@example.com", first_name="Ben", country="BE")
    shared.form("eve@example.com")
    site.browser("another-one").form("ana@example.com", country="CH")
    site.absorb()
    told = {
        name: {key: kept.value for key, kept in site.person(f"{name}@example.com").attributes.items()}
        for name in ("ana", "ben", "eve")
    }
    assert told == {
        "ana": {"first_name": "Ana", "country": "CH", "job_title": "Head of Sales"},
        "ben": {"first_name": "Ben", "country": "BE"},
        "eve": {},
    }


def test_an_existing_contact_takes_the_anonymous_history_along__mautic_11527(site: Site) -> None:
    """Identifying an existing contact re-pointed the cookie and dropped what the browser had done; here it comes along."""
    site.browser("office-laptop").form("ana@example.com")
    phone = site.browser("private-phone")
    phone.page("/blog/a")
    phone.page("/pricing")
    phone.form("ana@example.com")
    site.absorb()
    assert site.did("ana@example.com") == ["form_submitted", "/blog/a", "/pricing", "form_submitted"]
    assert site.hits("ana@example.com") == {"article": 1, "pricing": 1}
    assert len(site.everybody()) == 1


def test_a_browser_with_the_id_of_somebody_merged_goes_on_counting__mautic_6079(site: Site) -> None:
    """After a merge the browser kept the id of the contact that was gone, and its hits were lost; here a browser has no id
    of ours, and a link made for who was merged means the person they became.
    """
    site.browser("office-laptop").form("ana@example.com")
    phone = site.browser("private-phone")
    phone.page("/blog/a")
    site.absorb()
    before = site.person("private-phone").id
    phone.form("ana@example.com")
    site.absorb()
    phone.page("/pricing")
    site.minute_passes()
    link = site.web.tokens.click(Click(11, before, "https://www.example.com/pricing"))
    assert phone.client.get(f"/c/{link}").status_code == 302
    site.absorb()
    ana = site.known("ana@example.com")
    assert before in ana.ids
    assert site.person(before).id == ana.person.id
    assert site.did("ana@example.com")[-2:] == ["/pricing", "email_clicked"]
    assert site.hits("ana@example.com") == {"article": 1, "pricing": 1}


def test_a_forwarded_mail_binds_nobody_elses_browser__mautic_4121(site: Site) -> None:
    """A click in a mail on a device with another identity left the wrong one in charge; here a link speaks for its reader in
    that one event, and the browser stays whose it was: anonymous, or a friend's to whom the mail was forwarded.
    """
    site.browser("anas-laptop").form("ana@example.com")
    site.browser("bens-laptop").form("ben@example.com")
    site.absorb()
    ana = site.person("ana@example.com").id
    link = site.web.tokens.click(Click(11, ana, "https://www.example.com/blog/a"))
    for device in ("bens-laptop", "strangers-phone"):
        browser = site.browser(device)
        site.minute_passes()
        assert browser.client.get(f"/c/{link}").headers["location"] == "https://www.example.com/blog/a"
        browser.page("/pricing")
    site.absorb()
    assert site.did("ana@example.com") == ["form_submitted", "email_clicked", "email_clicked"]
    assert site.hits("ana@example.com") == {}
    assert site.did("ben@example.com") == ["form_submitted", "/pricing"]
    assert site.person("strangers-phone").email is None
    site.browser("strangers-phone").form("eve@example.com")
    site.absorb()
    assert site.did("eve@example.com") == ["/pricing", "form_submitted"]
    assert len(site.everybody()) == 3


def test_an_address_of_the_network_is_nobodys_identity__mautic_2950(site: Site, migrated_engine: Engine) -> None:
    """Merging by IP joined whole offices, and without it the decision "downloaded?" failed; here an IP is kept nowhere, and
    a download is tied to its form by a signed link.
    """
    office = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7"}
    desks = {name: site.browser(f"{name}s-desk") for name in ("ana", "ben", "eve")}
    for browser in desks.values():
        browser.headers.update(office)
        browser.call("page", context={"ip": "203.0.113.7", "page": {"path": "/blog/a"}})
    for name in ("ana", "ben"):
        desks[name].form(f"{name}@example.com")
    desks["ana"].client.cookies.clear()
    desks["ana"].download("ana@example.com", first_name="Ana")
    site.absorb()
    assert len(site.everybody()) == len(desks)
    assert [site.person(f"{name}@example.com").stage for name in ("ana", "ben")] == ["lead", "audience"]
    [promotion] = site.rows(stage_changes)
    assert (promotion.person_id, promotion.asset) == (site.person("ana@example.com").id, "guide")
    with migrated_engine.connect() as connection:
        for table in inspect(migrated_engine).get_table_names():
            assert "203.0.113" not in str(connection.execute(text(f"SELECT * FROM {table}")).all()), table


def test_who_logs_in_second_carries_no_id_of_the_first__posthog_381(site: Site, shared: Browser) -> None:
    """Two users of one computer: the second carried the ids of the first; here nothing but the browser changes hands."""
    for user in ("ana", "ben", "ana", "ben"):
        shared.identify(user, email=f"{user}@example.com")
        shared.page("/pricing")
    site.browser("bens-phone").identify("ben")
    site.absorb()
    assert site.names_of("ana") == {("user_id", "ana"), ("email", "ana@example.com")}
    assert site.names_of("ben") == {
        ("user_id", "ben"), ("email", "ben@example.com"), ("anonymous_id", "shared-computer"), ("anonymous_id", "bens-phone"),
    }  # fmt: skip
    assert site.hits("ana") == site.hits("ben") == {"pricing": 2}
    assert len(site.everybody()) == 2


@pytest.mark.parametrize("nobody", [None, "null", "[object Object]", "00000000-0000-0000-0000-000000000000"])
def test_logging_out_joins_nobody__posthog_5527(site: Site, nobody: str | None) -> None:
    """`identify(null)` on log-out merged everybody who logged out; here such an id is none, and the event is kept with the
    warning.
    """
    for user in ("ana", "ben"):
        browser = site.browser(f"{user}s-laptop")
        browser.identify(user)
        browser.identify(nobody)
        browser.page("/pricing")
    site.absorb()
    assert len(site.everybody()) == 2
    assert site.did("ana") == site.did("ben") == ["identified", "identified", "/pricing"]
    warned = [row for row in site.rows(events) if row.body.get("warnings")]
    assert len(warned) == (0 if nobody is None else 2)
    assert {row.value for row in site.rows(identifiers)} == {"ana", "ben", "anas-laptop", "bens-laptop"}


def test_the_back_end_may_identify_first__posthog_11873(site: Site) -> None:
    """A browser's identify after the back end's was silently not merged; here whoever speaks first makes no difference."""
    site.server("identify", userId="ana", traits={"email": "ana@example.com"})
    laptop = site.browser("anas-laptop")
    laptop.page("/pricing")
    laptop.identify("ana")
    laptop.page("/blog/a")
    site.server("track", userId="ana", event="plan_chosen")
    site.absorb()
    assert len(site.everybody()) == 1
    assert site.did("ana@example.com") == ["identified", "/pricing", "identified", "/blog/a", "plan_chosen"]
    assert site.names_of("ana") == {("user_id", "ana"), ("email", "ana@example.com"), ("anonymous_id", "anas-laptop")}
    [merged] = site.journal("merged")
    assert merged.person_id == site.person("ana").id


def test_an_alias_with_its_ids_exchanged_harms_nobody__posthog_11873(site: Site) -> None:
    """Which id an alias takes first differs by SDK, and the outcome depended on the order; here the fields have names, and
    one that calls a browser's id a user and a user's id a browser joins nobody and takes nothing from anybody.
    """
    laptop = site.browser("anas-laptop")
    laptop.page("/pricing")
    laptop.identify("ana", email="ana@example.com")
    site.server("alias", userId="anas-laptop", previousId="ana")
    laptop.page("/blog/a")
    site.absorb()
    assert site.did("ana@example.com") == ["/pricing", "identified", "/blog/a"]
    assert site.names_of("ana@example.com") == {("user_id", "ana"), ("email", "ana@example.com"), ("anonymous_id", "anas-laptop")}
    assert len(site.everybody()) == 2


def test_accounts_made_anew_stay_two_people_and_it_shows__posthog_14093(site: Site) -> None:
    """People whose account was made anew could not be joined but by a "dangerous" verb, which others then took for the usual
    one; here no event joins them, and the journal tells that one asked for it.
    """
    site.server("identify", userId="first-account", traits={"email": "ana@example.com"})
    site.server("track", userId="second-account", event="plan_chosen")
    site.server("identify", userId="second-account", traits={"email": "ana@example.com"})
    site.absorb()
    assert len(site.everybody()) == 2
    assert site.person("ana@example.com").id == site.person("first-account").id
    assert site.person("second-account").email is None
    assert site.did("second-account") == ["plan_chosen", "identified"]
    [refused] = site.journal("refused")
    assert (refused.value, refused.reason, refused.other_id) == ("ana@example.com", TWO_KNOWN, site.person("first-account").id)


def test_ids_of_one_person_have_an_end__posthog_21049(site: Site) -> None:
    """Ids without bound on one person crashed and stalled the ingestion (also posthog#36903, #96951); here links beyond the
    limit are refused where all can see it, and everything that happened is kept and counted.
    """
    devices = [f"machine-{number:02}" for number in range(LIMITS["anonymous_id"] + 10)]
    for device in devices:
        browser = site.browser(device)
        browser.page("/careers")
        browser.identify("robot")
    site.absorb()
    robot = site.person("robot").id
    held = site.rows(identifiers, identifiers.c.person_id == robot, identifiers.c.kind == "anonymous_id")
    assert {row.value for row in held} == set(devices[: LIMITS["anonymous_id"]])
    assert site.refused() == {(device, TOO_MANY_DEVICES) for device in devices[LIMITS["anonymous_id"] :]}
    assert site.count(events) == 2 * len(devices)
    assert site.hits("robot") == {"careers": LIMITS["anonymous_id"]}
    assert site.hits(devices[-1]) == {"careers": 1}
    assert site.did("robot").count("identified") == len(devices)
    assert len(site.everybody()) == 1 + 10


def test_a_browser_id_that_survives_reset_joins_nobody__rudder_sdk_js_206(site: Site, shared: Browser) -> None:
    """`reset()` kept the anonymous id, and two people became one further on; here the same id may pass from hand to hand."""
    shared.identify("ana", email="ana@example.com")
    shared.page("/pricing")
    shared.identify("ben")
    shared.page("/blog/a")
    shared.page("/careers")
    site.absorb()
    assert (site.did("ana"), site.did("ben")) == (["identified", "/pricing"], ["identified", "/blog/a", "/careers"])
    assert site.person("shared-computer").id == site.person("ben").id
    assert site.person("ben").email is None


def test_an_alias_may_come_for_each_device__rybbit_1098(site: Site) -> None:
    """Only the first identify took the history along, so a site with ids of its own could never join its visitors; here an
    alias may come again and again, for each device, and brings what the device had done.
    """
    for device in ("own-visitor-1", "own-visitor-2", "own-visitor-3"):
        browser = site.browser(device)
        browser.page("/blog/a")
        browser.alias("ana", device)
        browser.alias("ana", device)
        browser.page("/blog/b")
    site.absorb()
    assert len(site.everybody()) == 1
    assert site.hits("ana") == {"article": 6}
    assert {value for kind, value in site.names_of("ana") if kind == "anonymous_id"} == {
        "own-visitor-1",
        "own-visitor-2",
        "own-visitor-3",
    }


def test_an_alias_shows__openpanel_173(site: Site) -> None:
    """An alias did nothing that anybody could see; here it is an event of the person, its merge stands in the journal, and
    one that cannot link anything says so to whoever sent it and in the log.
    """
    laptop = site.browser("anas-laptop")
    laptop.page("/pricing")
    site.server("identify", userId="ana")
    assert laptop.alias("ana", "anas-laptop").json() == {"success": True}
    assert site.server("alias", userId="ana", previousId="undefined").json()["warnings"] == [
        "previousId: 'undefined' names nobody and was left out",
        "alias: no previousId names somebody, so nothing was linked",
    ]
    site.absorb()
    assert site.did("ana") == ["/pricing", "identified", "aliased", "aliased"]
    joined = {row.id for row in site.rows(people, people.c.merged_into == site.person("ana").id)}
    assert {row.other_id for row in site.journal("merged")} == joined
    assert len(joined) == (1 if site.arrival == "in_order" else 0), "backwards the browser was hers before it had a past"


def test_identify_splits_no_visit__umami_3663(site: Site) -> None:
    """To identify somebody within a visit made two visitors of one (also umami#3820, #3411); here it stays one person with
    one arrival, and the touch that brought them is kept.
    """
    laptop = site.browser("anas-laptop")
    laptop.page("/pricing", url="https://www.example.com/pricing?utm_source=news&utm_medium=email", referrer="")
    laptop.identify("ana", email="ana@example.com")
    laptop.page("/blog/a", referrer="https://www.example.com/pricing")
    site.absorb()
    assert len(site.everybody()) == 1
    assert site.did("ana") == ["/pricing", "identified", "/blog/a"]
    ana = site.person("ana")
    assert ana.first_touch is not None
    assert ana.first_touch == ana.last_touch
    assert (ana.first_touch.channel, ana.first_touch.landing) == ("email", "/pricing")
    assert [row.channel for row in site.rows(events) if row.channel] == ["email"]
    assert ana.first_seen_at == ana.seen_at - timedelta(minutes=2)


def test_an_empty_user_id_changes_nothing__segment_docs_6467(site: Site) -> None:
    """An empty user id made the browser a new one; here it is no id, and the browser stays who it is."""
    laptop = site.browser("anas-laptop")
    laptop.identify("ana", email="ana@example.com")
    laptop.identify("")
    laptop.call("track", userId="", event="plan_chosen")
    site.absorb()
    assert site.did("ana") == ["identified", "identified", "plan_chosen"]
    assert len(site.everybody()) == 1
    assert "" not in {row.value for row in site.rows(identifiers)}
