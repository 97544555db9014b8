"""Mistakes in config/channels.yaml are told with their place; the example is the built-in table, word for word."""

import json
from pathlib import Path

import pytest

from nurture.definitions.document import read
from nurture.definitions.loader import load
from nurture.domain.channel_table import RULES
from nurture.domain.channels import Channels
from tests.definitions.folders import FILES, marked, told, write

EXAMPLE = Path(__file__).parents[2] / "config" / "channels.yaml"
REST = "  - {channel: rest}\n"

MISTAKES = [
    ("rules:\n  - {channel: ads, when: {source_category: »serch}}\n" + REST, "unknown list 'serch'; did you mean 'search'?"),
    ("sources: {partners: [a.example]}\nrules:\n  - {channel: ads, when: {source_category: {in: [social, »partner]}}}\n" + REST,
     "unknown list 'partner'; did you mean 'partners'?"),
    ("rules:\n  - {channel: ads, when: {not: {any: [{»utm_medium: cpc}]}}}\n" + REST,
     "'utm_medium' is nothing known of a visit; did you mean 'medium'?"),
    ("rules:\n  - {channel: ads, when: {»engagement: 5}}\n" + REST,
     "'engagement' is nothing known of a visit; write source, medium, campaign, content, term, click_id, referrer, landing or source_category"),
    ("rules:\n  - {channel: ads, when: {medium: cpc}}\n  - »{channel: paid, when: {medium: cpc}}\n" + REST,
     "this rule is never reached, because rule 1 (ads) has decided all of these visits before; move it up, or delete it"),
    ("rules:\n  - {channel: ads, when: {medium: [cpc, ppc]}}\n  - »{channel: paid, when: {medium: cpc, source: google}}\n" + REST,
     "this rule is never reached, because rule 1 (ads) has decided all of these visits before; move it up, or delete it"),
    ("rules:\n  - »{channel: all}\n  - {channel: ads, when: {medium: cpc}}\n" + REST,
     "this rule takes every visit, so none after it is ever reached; add 'when', or move 'all' to the end"),
    ("rules:\n  - {channel: mail, when: {medium: email}}\n  - »{channel: ads, when: {medium: cpc}}\n",
     "visits that no rule takes would have no channel; end with a rule without 'when', such as {channel: unassigned}"),
    ("rules:\n  - {channel: ads, when: »{medium: {equals: cpc, in: [ppc]}}}\n" + REST,
     "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"),
    ("rules:\n  - {channel: ads, when: {medium: {»is: cpc}}}\n" + REST, "unknown test 'is'; did you mean 'equals'?"),
    ("rules:\n  - {channel: »Paid Ads, when: {medium: cpc}}\n" + REST,
     "'Paid Ads' is no name; use small letters, digits, '-' and '_' only, such as paid-ads"),
    (f"rules:\n  - {{channel: »{'x' * 33}}}\n", "'channel' is too long; keep to 32 characters"),
    ("rules:\n  - {channel: mail, »if: {medium: email}}\n" + REST, "unknown key 'if'; did you mean 'when'?"),
    ("rules: »[]\n", "'rules' is empty; give it at least one entry"),
    ("sources:\n  social: [»'https://a.example/']\n",
     "'https://a.example/' is neither a host nor a name; write it like example.com, example or example.*"),
    ("sources: {social: [a.example], video: [»A.example]}\n",
     "'A.example' stands in the list 'social' already, and a source is in one list; delete one of them"),
    ("internal: [»'pay.*']\n", "'pay.*' is no host; write it like example.com"),
    ("click_ids:\n  »a=b: {source: a}\n", "'a=b' is no name of a parameter; write what stands before the '=', such as gclid"),
    ("click_ids:\n  acme: »{medium: cpc}\n", "'source' is missing here; add 'source: …' (who sent the visitor, where no tag says so)"),
    ("»source: {social: [a.example]}\n", "unknown key 'source'; did you mean 'sources'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    text, expected = marked("channels.yaml", text, message)
    assert told(write(tmp_path, channels=text)) == expected


def test_a_rule_that_cannot_be_read_accuses_no_other(tmp_path: Path) -> None:
    """Neither is the table without an end, nor the list unknown."""
    text = "sources: {partners: 5}\nrules:\n  - {channel: a, when: {source_category: partners}}\n  - {channel: B}\n"
    assert [each.line for each in told(write(tmp_path, channels=text))] == [1, 4]


@pytest.mark.parametrize(
    "text",
    [
        "sources: {}\n",
        "internal: [pay.example]\n",
        "sources: {partners: [a.example, b, c.*]}\nrules:\n  - {channel: partners, when: {source_category: {in: [partners]}}}\n" + REST,
        "rules:\n  - {channel: known, when: {source_category: {exists: true}}}\n  - {channel: ads, when: {medium: {contains: cp}}}\n" + REST,
    ],
)  # fmt: skip
def test_what_is_no_mistake(tmp_path: Path, text: str) -> None:
    loaded = load(write(tmp_path, channels=text))
    assert loaded.mistakes == []
    assert loaded.definitions
    assert loaded.definitions.channels != Channels() or text == "sources: {}\n"


def test_without_the_file_the_built_in_table_is_in_force(tmp_path: Path) -> None:
    assert "channels.yaml" not in FILES
    loaded = load(write(tmp_path))
    assert loaded.definitions
    assert loaded.definitions.channels == Channels()
    assert "channels" not in json.loads(loaded.definitions.to_json())


def test_the_example_shows_the_built_in_table(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    start = lines.index("# rules:")
    shown = "\n".join(line.removeprefix("# ") for line in lines[start:]) + "\n"
    document, flaws = read(shown.encode())
    assert document
    assert flaws == []
    assert document.plain() == {
        "rules": [{"channel": channel, **({"when": when} if when else {})} for channel, when in RULES]
    }  # fmt: skip
    assert told(write(tmp_path, channels=shown)) == []


def test_what_the_example_only_mentions_is_right_too(tmp_path: Path) -> None:
    """The entries behind `  # `, once their marks are taken away."""
    text = EXAMPLE.read_text(encoding="utf-8").partition("# ---- The table")[0]
    for empty in (" {}", " []"):
        text = text.replace(f":{empty}\n  # ", ":\n  # ")
    live = text.replace("\n  # ", "\n  ")
    loaded = load(write(tmp_path, channels=live))
    assert loaded.mistakes == []
    assert loaded.definitions
    channels = loaded.definitions.channels
    assert {*channels.sources} == {"social", "partners"}
    assert {*channels.click_ids} == {"acme_click"}
    assert channels.internal == ("checkout.stripe.com", "login.microsoftonline.com")
