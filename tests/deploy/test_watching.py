"""The dashboard and the alert rules speak of metrics that there are, with labels that they have, and say what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from ruamel.yaml import YAML

from nurture.metrics import METRICS

ROOT = Path(__file__).parents[2]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/nurture.json").read_text())
ALERTS: dict[str, Any] = YAML(typ="safe").load((ROOT / "deploy/prometheus/alerts.yaml").read_text())
RULES: Final[list[dict[str, Any]]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS: Final[list[dict[str, Any]]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]

BY_NAME = {metric.full_name: metric for metric in METRICS}

#: Labels that Prometheus gives to whatever it scrapes.
OF_SCRAPES = {"instance", "job", "pod"}

_DURATION = re.compile(r"\d+[smhd]")


def expressions() -> Iterator[Any]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], target["legendFormat"], id=f"{panel['title']}-{target['refId']}")
    for rule in RULES:
        yield pytest.param(rule["expr"], rule["annotations"]["summary"].replace("$labels.", ""), id=rule["alert"])


def named(expression: str) -> list[str]:
    """The metrics that an expression asks for."""
    without_labels = re.sub(r"\{[^}]*\}|(by|without) \([^)]*\)|\[[^\]]*\]", " ", expression)
    return [
        word
        for word in re.findall(r"[a-z_][a-z0-9_]*", without_labels)
        if word not in {"max", "sum", "rate", "and", "by", "without"}
    ]


@pytest.mark.parametrize(("expression", "legend"), list(expressions()))
def test_an_expression_asks_for_what_there_is(expression: str, legend: str) -> None:
    names = named(expression)
    assert names
    assert set(names) - {"up"} <= BY_NAME.keys(), names
    labels = {label for name in names if name in BY_NAME for label in BY_NAME[name].labels} | OF_SCRAPES
    selected = {label for part in re.findall(r"\{([^}]*)\}", expression) for label in re.findall(r"(\w+)\s*[=!]", part)}
    grouped = {label for part in re.findall(r"(?:by|without) \(([^)]*)\)", expression) for label in part.split(", ")}
    told = set(re.findall(r"\{\{\s*(\w+)", legend)) - {"value"}
    assert selected | grouped | {each for each in told if each != "$value"} <= labels
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize(("expression", "legend"), list(expressions()))
def test_what_every_web_process_tells_alike_is_not_added_up(expression: str, legend: str) -> None:
    for name in named(expression):
        if name == "up":
            continue
        metric = BY_NAME[name]
        inner = rf"rate\({name}\[[^\]]+\]\)" if metric.kind == "counter" else name
        if metric.scope == "installation":
            assert re.search(rf"max without \(instance, pod\) \({inner}\)", expression), f"{name} is the same everywhere"
        elif metric.scope == "process":
            assert re.search(rf"sum without \(instance, pod\) \({inner}\)", expression), f"{name} is of one process"


def test_every_metric_is_shown_or_said_why_not() -> None:
    shown = {name for panel in PANELS for target in panel["targets"] for name in named(target["expr"])}
    watched = {name for rule in RULES for name in named(rule["expr"])}
    one_by_one_only = {
        "nurture_web_made_room_total", "nurture_web_journalled_total", "nurture_web_replayed_total", "nurture_journal_oldest_seconds",
        "nurture_handoffs", "nurture_quarantined",
    }  # fmt: skip
    assert BY_NAME.keys() - shown - watched == one_by_one_only


def test_panels_stand_beside_each_other_and_have_what_grafana_needs() -> None:
    assert DASHBOARD["uid"] == "nurture"
    assert {each["name"] for each in DASHBOARD["templating"]["list"]} == {"datasource"}
    taken: set[tuple[int, int]] = set()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }  # fmt: skip
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, f"{panel['title']} lies over another"
        taken |= cells
    for panel in PANELS:
        assert panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_it_is_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"Nurture[A-Z]\w+", rule["alert"])
    assert _DURATION.fullmatch(rule["for"])
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor == rule["alert"].lower()
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, f"{page} says nothing about {rule['alert']}"


def test_no_two_alerts_share_a_name() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
