"""Commands that look at an installation explain themselves and refuse what makes no sense."""

import pytest

from tests.cli.conftest import Command

COMMANDS = [
    "check", "apply", "schema", "test", "preview", "simulate", "status", "verify", "report", "report funnel",
    "report variants", "report pools", "report opens", "report overview", "report demand", "report diagnose", "person", "person show", "person why-not", "person erase", "person export", "forget",
    "person reject", "person enroll", "rescore", "events", "events reclassify", "events warnings", "events conflicts",
    "dead", "dead list", "dead show", "dead retry", "dead drop", "import",
    "import people", "import events", "import spend", "export", "export people", "export events",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(alone: Command, command: str) -> None:
    told = alone(*command.split(), "--help")
    assert told.exit_code == 0, told.output
    assert f" {command} " in told.stdout
    assert len(told.stdout.splitlines()) > 3


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["person", "show"], "EMAIL"),
        (["person", "show", "ana@acme.test", "--events", "-1"], "--events"),
        (["person", "why-not", "ana@acme.test"], "SEQUENCE"),
        (["person", "enroll", "ana@acme.test"], "SEQUENCE"),
        (["person", "erase"], "WHO"),
        (["person", "export"], "WHO"),
        (["forget"], "--now"),
        (["forget", "--now", "--dry-run"], "--now"),
        (["preview"], "NAME"),
        (["dead", "list", "--limit", "0"], "--limit"),
        (["report", "dance"], "dance"),
        (["import", "people"], "FILE"),
        (["import", "people", "a.csv", "--encoding", "klingon"], "--encoding"),
        (["export", "people", "--format", "xml"], "--format"),
        (["export", "people", "--json"], "--output"),
    ],
)
def test_a_wrong_command_line_is_refused_with_exit_code_2(alone: Command, arguments: list[str], told: str) -> None:
    refused = alone(*arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr
