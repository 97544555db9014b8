"""The shapes of CRMs and chats, at a real receiver: what each is asked, in which order, and what a person can put into it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from nurture.adapters.webhook import WebhookCaller
from nurture.definitions.shapes import packaged_shapes
from nurture.domain.outward import LOOPBACK
from nurture.domain.telling.calls import Answer, Call
from nurture.domain.telling.shapes import Shape
from tests.support.receiver import Receiver

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0" * 4
TOLD: dict[str, Any] = {
    "type": "stage.changed.v1",
    "timestamp": "2026-03-02T09:00:00Z",
    "data": {
        "person": {
            "id": "42", "email": "ana@acme.test", "name": "Ana Roux", "stage": "sql",
            "attributes": {"first_name": "Ana", "last_name": "Roux", "company": "Acme", "job_title": "Head of Sales", "phone": "+33 1"},
        },
        "because": "from lead to sql by the rule hand-raise: they did demo_requested",
        "engagement": 62.5, "grade": "A",
        "content": [{"downloaded": True, "title": "The guide"}, {"downloaded": False, "title": "Pricing"}],
        "next": {
            "action": "call_now", "text": "Call within the hour: they asked for it.", "by": "2026-03-02T10:00:00Z",
            "best_time": {"since": 10, "until": 12, "timezone": "Europe/Paris", "known": True, "next": "2026-03-02T09:00:00Z"},
        },
    },
}  # fmt: skip
ALARM = {
    "type": "mail.alarm.v1",
    "timestamp": "2026-03-02T09:00:00Z",
    "data": {"kind": "surge", "about": "guide", "text": "too much"},
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(usually=200) as receiver:
        yield receiver


def tell(
    receiver: Receiver, shape: str | Shape, told: dict[str, Any] = TOLD, path: str = "", secret: str = "token-12345678"
) -> Answer:
    base = receiver.url.removesuffix("/hooks")
    caller = WebhookCaller({"it": [secret]}, 5.0, allowed=LOOPBACK, shapes=packaged_shapes())
    [answer] = caller.call([Call(7, base + path, "it", json.dumps(told), shape)], NOW)
    return answer


def bodies(receiver: Receiver) -> list[Any]:
    return [json.loads(each.body) if each.body else None for each in receiver.taken]


def test_every_shape_is_there_with_an_example_of_its_secret() -> None:
    assert sorted(packaged_shapes()) == ["hubspot", "pipedrive", "salesforce", "slack", "teams"]


def test_hubspot_gets_a_contact_by_address_and_a_note(receiver: Receiver) -> None:
    receiver.bodies.append(b'{"results": [{"id": "55"}]}')
    assert tell(receiver, "hubspot") == Answer(7, 200, "HTTP 200")
    contact, note = receiver.taken
    assert (contact.method, contact.path) == ("POST", "/crm/objects/2026-03/contacts/batch/upsert")
    assert {each.headers["authorization"] for each in receiver.taken} == {"Bearer token-12345678"}
    assert "webhook-signature" not in contact.headers
    [written] = bodies(receiver)[0]["inputs"]
    assert (written["idProperty"], written["id"]) == ("email", "ana@acme.test")
    assert written["properties"] == {
        "email": "ana@acme.test", "firstname": "Ana", "lastname": "Roux", "jobtitle": "Head of Sales", "company": "Acme",
        "phone": "+33 1",
    }  # fmt: skip
    assert note.path == "/crm/objects/2026-03/notes"
    assert bodies(receiver)[1]["associations"][0]["to"] == {"id": "55"}
    assert "they asked for it" in bodies(receiver)[1]["properties"]["hs_note_body"]


def test_what_hubspot_took_in_part_is_no_success(receiver: Receiver) -> None:
    receiver.answers.append(207)
    answer = tell(receiver, "hubspot")
    assert (answer.taken, len(receiver.taken)) == (False, 1)
    assert answer.detail.startswith("HTTP 207")


def test_salesforce_gets_a_lead_by_external_id_with_a_token_of_its_own(receiver: Receiver) -> None:
    receiver.bodies.extend([b'{"access_token": "T1"}', b'{"id": "00Q1", "success": true}', b"{}"])
    assert tell(receiver, "salesforce", secret="client:hunter2-secret").taken
    token, lead, task = receiver.taken
    assert (token.path, token.body) == ("/services/oauth2/token", b"grant_type=client_credentials")
    assert token.headers["authorization"] == "Basic Y2xpZW50Omh1bnRlcjItc2VjcmV0"
    assert (lead.method, lead.path) == ("PATCH", "/services/data/v62.0/sobjects/Lead/Nurture_Id__c/42")
    assert lead.headers["authorization"] == task.headers["authorization"] == "Bearer T1"
    assert (json.loads(lead.body)["LastName"], json.loads(lead.body)["Company"]) == ("Roux", "Acme")
    assert json.loads(task.body)["WhoId"] == "00Q1"
    assert json.loads(task.body)["ActivityDate"] == "2026-03-02"


def test_a_token_is_asked_for_again_only_when_it_is_refused(receiver: Receiver) -> None:
    caller = WebhookCaller({"it": ["client:hunter2-secret"]}, 5.0, allowed=LOOPBACK, shapes=packaged_shapes())
    call = Call(7, receiver.url.removesuffix("/hooks"), "it", json.dumps(TOLD), "salesforce")
    receiver.bodies.extend([b'{"access_token": "T1"}', b"{}", b"{}"])
    receiver.answers.extend([200, 204, 401])
    assert caller.call([call], NOW)[0].taken
    assert not caller.call([call], NOW)[0].taken
    receiver.bodies.append(b'{"access_token": "T2"}')
    assert caller.call([call], NOW)[0].taken
    assert [each.path.rpartition("/")[2] for each in receiver.taken] == ["token", "42", "42", "token", "42"]
    assert receiver.taken[-1].headers["authorization"] == "Bearer T2"


def test_a_lead_without_names_is_one_for_salesforce_all_the_same(receiver: Receiver) -> None:
    receiver.bodies.append(b'{"access_token": "T1"}')
    nobody = {**TOLD, "data": {**TOLD["data"], "person": {"id": "42", "email": "ana@acme.test", "name": None, "attributes": {}}}}
    tell(receiver, "salesforce", nobody)
    assert json.loads(receiver.taken[1].body) == {
        "Email": "ana@acme.test", "LastName": "ana@acme.test", "Company": "unknown", "LeadSource": "nurture"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "asked"),
    [
        (b'{"data": {"items": []}}', ["GET search", "POST persons", "POST notes"]),
        (b'{"data": {"items": [{"item": {"id": 9}}]}}', ["GET search", "POST notes"]),
    ],
)
def test_pipedrive_is_searched_before_anybody_is_made(receiver: Receiver, found: bytes, asked: list[str]) -> None:
    receiver.bodies.extend([found, b'{"data": {"id": 9}}'])
    assert tell(receiver, "pipedrive").taken
    assert [f"{each.method} {each.path.partition('?')[0].rpartition('/')[2]}" for each in receiver.taken] == asked
    assert "term=ana%40acme.test&" in receiver.taken[0].path
    assert bodies(receiver)[-1]["person_id"] == 9
    assert receiver.taken[0].headers["x-api-token"] == "token-12345678"


def test_what_fails_on_the_way_is_the_answer_and_the_rest_is_not_asked(receiver: Receiver) -> None:
    receiver.answers.append(503)
    receiver.headers["retry-after"] = "9"
    answer = tell(receiver, "pipedrive")
    assert (answer.status, len(receiver.taken)) == (503, 1)
    assert answer.wait is not None


HOSTILE = "<!channel> <@U1> *x* [x](http://evil.test) :skull: & {{ 7*7 }} {% raw %} @here </p><script>"


def hostile() -> dict[str, Any]:
    person = {
        **TOLD["data"]["person"],
        "name": HOSTILE,
        "attributes": {"company": HOSTILE, "job_title": HOSTILE, "first_name": HOSTILE},
    }
    data = {**TOLD["data"], "person": person, "because": HOSTILE, "content": [{"downloaded": True, "title": HOSTILE}]}
    return {**TOLD, "data": data}


def test_a_name_is_neither_markup_nor_a_mention_in_slack(receiver: Receiver) -> None:
    tell(receiver, "slack", hostile(), "/services/{secret}", "T0/B0/XXXXXXXX")
    [taken], [said] = receiver.taken, bodies(receiver)
    assert taken.path == "/services/T0/B0/XXXXXXXX"
    assert b"<" not in taken.body
    assert b">" not in taken.body
    texts = [each["text"] for each in said["blocks"] if "text" in each] + said["blocks"][-1]["elements"]
    assert {(each["type"], each["emoji"]) for each in texts} == {("plain_text", False)}
    assert "{{ 7*7 }}" in taken.body.decode()  # what a person says is never read as a template
    assert all(1 <= len(each["text"]) <= 3000 for each in texts)


def test_a_name_is_no_markup_in_teams(receiver: Receiver) -> None:
    tell(receiver, "teams", hostile(), "/run?sig={secret}", "sig-12345678")
    [card] = bodies(receiver)[0]["attachments"]
    assert receiver.taken[0].path == "/run?sig=sig-12345678"
    assert {block["type"] for block in card["content"]["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["content"]["body"] for run in block["inlines"]} == {"TextRun"}
    assert "msteams" not in card["content"]


@pytest.mark.parametrize("shape", ["hubspot", "pipedrive"])
def test_a_note_is_html_and_a_name_is_none(receiver: Receiver, shape: str) -> None:
    receiver.bodies.append(b'{"results": [{"id": "55"}], "data": {"items": [{"item": {"id": 9}}]}}')
    tell(receiver, shape, hostile())
    note = receiver.taken[-1].body.decode()
    assert "<script>" not in note
    assert "&lt;script&gt;" in note


@pytest.mark.parametrize(("shape", "path"), [("slack", ""), ("teams", "")])
def test_chats_are_told_alarms(receiver: Receiver, shape: str, path: str) -> None:
    assert tell(receiver, shape, ALARM, path).taken
    assert b"too much" in receiver.taken[0].body


@pytest.mark.parametrize("shape", sorted(packaged_shapes()))
def test_nothing_that_people_say_makes_a_body_too_large(receiver: Receiver, shape: str) -> None:
    receiver.bodies.append(b'{"access_token": "T1", "results": [{"id": "5"}], "data": {"items": []}}')
    long = dict.fromkeys(("first_name", "last_name", "company", "job_title", "phone"), "&" * 900)
    data = {
        **TOLD["data"], "person": {**TOLD["data"]["person"], "name": "&" * 120, "attributes": long},
        "because": "&" * 300, "content": [{"downloaded": True, "title": "&" * 120}] * 10,
    }  # fmt: skip
    assert tell(receiver, shape, {**TOLD, "data": data}).taken
    if shape == "slack":
        assert all(len(each["text"]["text"]) <= 3000 for each in bodies(receiver)[0]["blocks"][:-1])


def test_no_detail_tells_a_secret(receiver: Receiver) -> None:
    answer = tell(receiver, "slack", TOLD, "/\x00{secret}", "T0/B0/XXXXXXXX")
    assert answer.status is None
    assert "XXXXXXXX" not in answer.detail


def test_a_shape_of_ones_own_may_be_signed(receiver: Receiver) -> None:
    own = Shape.model_validate(
        {"signed": True, "requests": [{"body": {"who": "{{ person.email }}", "hot": {"$value": "engagement > 50"}}}]}
    )
    assert tell(receiver, own, secret=SECRET).taken
    assert bodies(receiver) == [{"who": "ana@acme.test", "hot": True}]
    assert receiver.taken[0].headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize(
    "tried", ["{{ ''.__class__.__mro__ }}", "{{ person.__init__.__globals__ }}", "{{ self._TemplateReference__context }}"]
)
def test_a_template_reaches_nothing_but_what_is_told(receiver: Receiver, tried: str) -> None:
    tell(receiver, Shape.model_validate({"requests": [{"body": [tried, "end"]}]}))
    assert bodies(receiver) == [["end"]]


@pytest.mark.parametrize(
    ("shape", "detail"),
    [
        ("sugarcrm", "there is no shape 'sugarcrm'; correct config/handoff.yaml"),
        (Shape.model_validate({"requests": [{"body": "{{ person.email."}]}), "the shape of this endpoint is wrong:"),
        (
            Shape.model_validate({"largest": 100, "requests": [{"body": "{{ 'x' * 200 }}"}]}),
            "what the shape makes of it has 202 bytes",
        ),
        (Shape.model_validate({"signed": True, "requests": [{"body": "x"}]}), "the secret 'it' signs nothing;"),
    ],
)
def test_what_cannot_be_shaped_is_not_sent(receiver: Receiver, shape: str | Shape, detail: str) -> None:
    answer = tell(receiver, shape)
    assert (answer.status, receiver.taken) == (None, [])
    assert answer.detail.startswith(detail)
