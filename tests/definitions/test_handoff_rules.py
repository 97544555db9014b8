"""Mistakes in config/handoff.yaml are told with their place, before anybody is called."""

import shutil
from pathlib import Path

import pytest

from nurture.definitions.config import Installation
from nurture.definitions.loader import Loaded, load

EXAMPLE = Path(__file__).parents[2] / "config"
IN_PRODUCTION = Installation(production=True, handoff_secrets=frozenset({"crm"}))
WITH_SECRET = Installation(handoff_secrets=frozenset({"crm"}))


def loaded(tmp_path: Path, endpoint: str, installation: Installation = WITH_SECRET) -> Loaded:
    """The example configuration with one endpoint, `crm`, that is written like this."""
    folder = tmp_path / "config"
    shutil.copytree(EXAMPLE, folder)
    (folder / "handoff.yaml").write_text(f"endpoints:\n  crm: {endpoint}\n")
    return load(folder, installation=installation)


def told(found: Loaded) -> list[str]:
    return [str(mistake).rpartition("/config/")[2] for mistake in found.mistakes]


def test_the_example_calls_nobody() -> None:
    example = load(EXAMPLE)
    assert example.definitions is not None
    assert example.definitions.handoff.endpoints == {}


def test_without_the_file_nobody_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(EXAMPLE, folder)
    (folder / "handoff.yaml").unlink()
    example = load(folder)
    assert example.errors == []
    assert example.definitions is not None
    assert example.definitions.handoff.endpoints == {}


def test_an_endpoint_in_order_takes_effect(tmp_path: Path) -> None:
    found = loaded(tmp_path, "{url: https://crm.example.com/hooks, stages: [mql, sql, disqualified], secret: crm}", IN_PRODUCTION)
    assert told(found) == []
    assert found.definitions is not None
    assert found.definitions.handoff.endpoints["crm"].stages == ("mql", "sql", "disqualified")


@pytest.mark.parametrize(
    ("endpoint", "mistake"),
    [
        ("{url: https://x.example, stages: [mql, sqll], secret: crm}", "2:47: unknown stage 'sqll'; did you mean 'sql'?"),
        ("{url: ftp://x.example, stages: [mql], secret: crm}", "2:14: 'ftp://x.example' is no web address;"),
        ("{url: https://a:hunter2@x.example, stages: [mql], secret: crm}", "2:14: a web address here must hold no password;"),
        ("{url: https://x.example, stages: [mql], secret: whsec_aHVudGVyMg==}", "2:56: this is the secret itself;"),
        ("{url: https://x.example, stage: [mql], secret: crm}", "2:33: unknown key 'stage'; did you mean 'stages'?"),
        ("{url: https://x.example, stages: [mql]}", "2:8: 'secret' is missing here;"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_keeps_the_definitions_out_of_force(
    tmp_path: Path, endpoint: str, mistake: str
) -> None:
    found = loaded(tmp_path, endpoint)
    [said] = told(found)
    assert said.startswith(f"handoff.yaml:{mistake}")
    assert found.definitions is None
    assert "hunter2" not in said
    assert "aHVudGVyMg" not in said


def test_people_are_handed_over_in_clear_text_on_a_developers_machine_only(tmp_path: Path) -> None:
    endpoint = "{url: http://crm.example.com/hooks, stages: [mql], secret: crm}"
    assert told(loaded(tmp_path / "here", endpoint)) == []
    found = loaded(tmp_path / "there", endpoint, IN_PRODUCTION)
    assert told(found) == ["handoff.yaml:2:14: in production people are handed over by https only; write 'https://'"]
    assert found.definitions is None


def test_a_secret_that_is_missing_here_is_a_warning(tmp_path: Path) -> None:
    found = loaded(tmp_path, "{url: https://x.example, stages: [mql], secret: crm}", Installation())
    [said] = told(found)
    assert said.startswith("handoff.yaml:2:56: warning: there is no secret 'crm' here")
    assert found.definitions is not None


def test_an_endpoint_that_nothing_is_ever_told_is_a_warning(tmp_path: Path) -> None:
    found = loaded(tmp_path, "{url: https://x.example, secret: crm}")
    [said] = told(found)
    assert said.startswith(
        "handoff.yaml:2:3: warning: nobody ever calls 'crm': it has no 'stages', and no step says 'notify: crm'"
    )
    assert found.definitions is not None


def test_an_endpoint_for_alerts_alone_needs_no_stages(tmp_path: Path) -> None:
    assert told(loaded(tmp_path, "{url: https://x.example, secret: crm}"))
    sequence = tmp_path / "config" / "sequences" / "guide-nurture.yaml"
    sequence.write_text(sequence.read_text() + "  - {notify: crm}\n")
    assert told(load(tmp_path / "config", installation=WITH_SECRET)) == []


WITH_TOKEN = Installation(handoff_secrets=frozenset({"crm"}), handoff_tokens=frozenset({"crm"}))


@pytest.mark.parametrize(
    ("endpoint", "mistake"),
    [
        (
            "{url: https://api.hubapi.com, stages: [sql], secret: crm, shape: hubspott}",
            "2:73: unknown shape 'hubspott'; did you mean",
        ),
        ("{url: https://x.example, stages: [sql], secret: crm}", "2:56: warning: the secret 'crm' is a token and signs nothing;"),
        (
            "{url: https://api.hubapi.com, alarms: true, stages: [sql], secret: crm, shape: hubspot}",
            "2:46: this shape is about people",
        ),
        ("{url: 'https://{secret}.example/x', stages: [sql], secret: crm}", "2:14: {secret} may stand behind the host only;"),
        ("{url: https://x.example, stages: [sql], secret: crm, shape: {requests: [{body: '{{ person.'}]}}", "is no template:"),
        ("{url: https://x.example, stages: [sql], secret: crm, shape: {requests: []}}", "2:79: 'requests' is empty;"),
        (
            "{url: https://x.example, stages: [sql], secret: crm, shape: {requests: [{only_if: id}]}}",
            "no request before keeps 'id';",
        ),
    ],
)
def test_a_shape_that_would_fail_is_told_before(tmp_path: Path, endpoint: str, mistake: str) -> None:
    assert mistake in "\n".join(told(loaded(tmp_path, endpoint, WITH_TOKEN)))


@pytest.mark.parametrize(
    "endpoint",
    [
        "{url: https://api.hubapi.com, stages: [sql], secret: crm, shape: hubspot}",
        "{url: 'https://hooks.slack.com/services/{secret}', alarms: true, secret: crm, shape: slack}",
        "{url: https://x.example, stages: [sql], secret: crm, shape: {headers: {x-key: '{secret}'}, requests: [{body: {who: '{{ person.email }}'}}]}}",
    ],
)
def test_a_shape_in_order_takes_effect(tmp_path: Path, endpoint: str) -> None:
    assert told(loaded(tmp_path, endpoint, WITH_TOKEN)) == []


def test_a_follow_up_names_a_stage_and_endpoints_that_there_are(tmp_path: Path) -> None:
    good = "{url: https://crm.example.com/hooks, secret: crm}\nfollow_up:\n  sql: {within: 4h, remind: crm}"
    assert told(loaded(tmp_path / "good", good, IN_PRODUCTION)) == []
    bad = good.replace("sql:", "sqll:").replace("remind: crm", "remind: crn, escalate: {after: 9h, to: [crm, boss]}")
    assert told(loaded(tmp_path / "bad", bad, IN_PRODUCTION)) == [
        "handoff.yaml:4:3: unknown stage 'sqll'; did you mean 'sql'?",
        "handoff.yaml:4:30: unknown endpoint 'crn'; did you mean 'crm'?",
        "handoff.yaml:4:61: unknown endpoint 'boss'; write crm",
    ]
