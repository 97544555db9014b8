"""Sales answers by the webhooks of its CRM: each way to sign, and what each of their words comes to."""

import hmac
import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from nurture.adapters.hooks.taking import key_of
from nurture.domain.mail.hooks import Hook, Hooks
from nurture.settings import Settings
from tests.support.servers import RedisServer
from tests.web.conftest import Web, make_definitions, serving

SHOWN = "nurture:correct horse"
SECRETS = {
    "hubspot": "a client secret", "salesforce": "a named credential", "pipedrive": SHOWN, "custom": "a secret of the relay",
    "standard": "whsec_" + b64encode(b"a secret of twenty-four b").decode(),
}  # fmt: skip
OWN = {"answer": "what", "words": {"yes": "accepted", "no": "rejected", "later": "nothing"}, "email": "who", "reason": "why"}
HOOKS = Hooks(sources={
    "hubspot": Hook(provider="hubspot", secret="hubspot"), "salesforce": Hook(provider="salesforce", secret="salesforce"),
    "pipedrive": Hook(provider="pipedrive", secret="pipedrive"), "standard": Hook(provider="standard", secret="standard"),
    "custom": Hook.model_validate({"provider": "custom", "secret": "custom", "answers": OWN, "header": "X-Secret"}),
})  # fmt: skip

#: What a deal of Pipedrive looks like in a webhook of version 2.0, as its guide shows it.
DEAL: dict[str, Any] = {
    "meta": {"action": "change", "entity": "deal", "entity_id": "29", "timestamp": "2026-03-02T08:59:00Z", "version": "2.0"},
    "data": {
        "id": 29, "person_id": 27, "status": "won", "value": 1200.5, "currency": "EUR", "lost_reason": None,
        "update_time": "2026-03-02T08:58:59Z", "won_time": "2026-03-02T08:58:59Z",
    },
    "previous": {"status": "open"},
}  # fmt: skip


def deal(action: str = "change", previous: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return {"meta": DEAL["meta"] | {"action": action}, "data": DEAL["data"] | data, "previous": previous}


@pytest.fixture(scope="module")
def _shared(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    definitions = make_definitions().model_copy(update={"hooks": HOOKS})
    secrets = Settings.model_validate({"hook_secrets": SECRETS}).hook_secrets
    folder: Path = tmp_path_factory.mktemp("answers")
    with serving(redis_server.url, folder, definitions=definitions, hook_secrets=secrets) as web:
        yield web


@pytest.fixture
def web(_shared: Web, redis_server: RedisServer) -> Web:
    redis_server.flush()
    return _shared


def path_of(web: Web, name: str) -> str:
    return f"/hooks/{name}/{key_of(web.tokens, name, 1)}"


def headers_of(web: Web, name: str, body: bytes, at: datetime) -> dict[str, str]:
    """As each of them proves whose request it is."""
    match name:
        case "hubspot":
            stamp = str(int(at.timestamp() * 1000))
            text = f"POST{web.parts.settings.public_url}{path_of(web, name)}".encode() + body + stamp.encode()
            right = b64encode(hmac.digest(SECRETS[name].encode(), text, "sha256")).decode()
            return {"x-hubspot-signature-v3": right, "x-hubspot-request-timestamp": stamp}
        case "standard":
            signature = Webhook(SECRETS[name]).sign("msg_1", at, body.decode())
            return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
        case "custom":
            return {"x-secret": SECRETS[name]}
        case "salesforce":
            return {"authorization": f"Bearer {SECRETS[name]}"}
    return {"authorization": "Basic " + b64encode(SHOWN.encode()).decode()}


def tell(web: Web, name: str, told: Any, **changed: str) -> httpx.Response:
    body = json.dumps(told).encode()
    return web.client.post(path_of(web, name), content=body, headers=headers_of(web, name, body, web.clock.now()) | changed)


WORDS = [
    ("hubspot", {"email": "ana@example.com", "dealstage": "closedwon", "amount": "1200,50"}, "deal_won"),
    ("hubspot", {"email": "ana@example.com", "dealstage": "closedlost", "closed_lost_reason": "price"}, "deal_lost"),
    ("hubspot", {"email": "ana@example.com", "hs_lead_status": "UNQUALIFIED"}, "lead_rejected"),
    ("salesforce", {"Email": "ana@example.com", "StageName": "Closed Won", "Id": "006", "Amount": 9}, "deal_won"),
    ("salesforce", {"Email": "ana@example.com", "Status": "Closed - Not Converted", "reason": "student"}, "lead_rejected"),
    ("salesforce", {"Email": "ana@example.com", "Status": "Working - Contacted"}, "lead_accepted"),
    ("standard", {"data": {"person": {"email": "ana@example.com"}, "answer": "lost", "reason": "price"}}, "deal_lost"),
    ("custom", {"who": "ana@example.com", "what": "no", "why": "no budget"}, "lead_rejected"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "told", "event"), WORDS)
def test_each_word_comes_to_its_event(name: str, told: Any, event: str, web: Web) -> None:
    answer = tell(web, name, told)
    assert (answer.status_code, answer.json()["taken"]) == (200, 1)
    [written] = web.events()
    assert (written.name, written.email, written.assurance) == (event, "ana@example.com", "verified")
    assert written.source == f"hook:{name}"


def test_what_is_told_beside_is_kept(web: Web) -> None:
    tell(web, "hubspot", WORDS[0][1])
    tell(web, "hubspot", WORDS[1][1])
    assert [each.properties for each in web.events()] == [{"amount": 1200.5}, {"reason": "price"}]


def test_a_contact_of_hubspot_is_known_by_its_number(web: Web) -> None:
    told = {
        "eventId": 1, "subscriptionType": "contact.propertyChange", "propertyName": "lifecyclestage", "propertyValue": "customer",
        "objectId": 123, "occurredAt": 1772441940000,
    }  # fmt: skip
    other = told | {"eventId": 2, "propertyName": "firstname", "propertyValue": "customer"}
    assert tell(web, "hubspot", [told, other]).json()["passed_over"] == 1
    [written] = web.events()
    assert (written.name, written.user_id, written.occurred_at.isoformat()) == (
        "deal_won", "hubspot:123", "2026-03-02T08:59:00+00:00",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("told", "event"),
    [
        (deal(previous={"status": "open"}), "deal_won"),
        (deal(previous={"status": "open"}, status="lost", lost_reason="price"), "deal_lost"),
        (deal("create", status="open"), "lead_accepted"),
        (deal(previous={"title": "A deal"}), None),  # a deal that was won before and is edited
        (deal(previous={"status": "won"}, status="open"), None),
        (deal("delete", status="deleted"), None),
    ],
)
def test_a_deal_of_pipedrive_counts_when_it_changes(told: Any, event: str | None, web: Web) -> None:
    assert tell(web, "pipedrive", told).status_code == 200
    assert [(each.name, each.user_id) for each in web.events()] == ([(event, "pipedrive:27")] if event else [])


def test_our_own_id_counts_for_more_than_an_address(web: Web) -> None:
    tell(web, "standard", {"data": {"person": {"id": "77", "email": "nobody"}, "answer": "won"}})
    [written] = web.events()
    assert (written.person, written.email) == (77, None)


@pytest.mark.parametrize(("name", "told"), [(name, told) for name, told, _ in WORDS[::2]])
def test_whoever_does_not_prove_it_is_refused(name: str, told: Any, web: Web) -> None:
    body = json.dumps(told).encode()
    right = headers_of(web, name, body, web.clock.now())
    for headers in ({}, right | {next(iter(right)): "x"} if name != "standard" else right | {"webhook-signature": "v1,AAAA"}):
        answer = web.client.post(path_of(web, name), content=body, headers=headers)
        assert answer.status_code in (401, 403)
    assert web.events() == []


@pytest.mark.parametrize("name", ["hubspot", "standard"])
def test_a_signature_covers_the_body_and_the_time(name: str, web: Web) -> None:
    body = json.dumps({"email": "ana@example.com", "dealstage": "closedwon"}).encode()
    right = headers_of(web, name, body, web.clock.now())
    assert web.client.post(path_of(web, name), content=body + b" ", headers=right).status_code == 403
    stale = headers_of(web, name, body, web.clock.now() - timedelta(minutes=6))
    assert web.client.post(path_of(web, name), content=body, headers=stale).json()["code"] == "stale"


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ({"data": {"answer": "won"}}, "data.person.id or data.person.email or data.person.user_id"),
        ({"data": {"answer": "won", "person": {"id": "x"}}}, "data.person.id or data.person.email or data.person.user_id"),
        ({"data": {"answer": "won", "person": {"email": "nobody"}}}, ""),
    ],
)
def test_an_answer_about_nobody_is_refused_with_its_place(told: Any, place: str, web: Web) -> None:
    answer = tell(web, "standard", told)
    assert (answer.status_code, answer.json()["rejected"][0]["field"]) == (400, place)
    assert web.events() == []


def test_a_word_that_is_not_known_is_told(web: Web) -> None:
    answer = tell(web, "hubspot", {"email": "ana@example.com", "dealstage": "decisionmakerboughtin"})
    assert answer.json()["unknown"] == ["decisionmakerboughtin"]
