"""The command line itself: fast help, clear refusals."""

import json
import os
import pkgutil
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest
import typer

from nurture import cli
from nurture.cli.main import ADDED, COMMANDS, command

ROOT = Path(__file__).parents[2]

#: What takes long to import, or is not needed to answer --help.
HEAVY = {"celery", "kombu", "sqlalchemy", "redis", "pydantic", "uvicorn", "starlette", "structlog", "jinja2", "rich", "httpx"}


def nurture(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NURTURE_")}
    return subprocess.run(
        [sys.executable, "-m", "nurture.cli.main", *arguments], env=inherited | environ, cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def test_help_names_the_commands() -> None:
    told = nurture("--help")
    assert told.returncode == 0
    for name in ("up", "web", "worker", "beat", "keys", "db"):
        assert f"\n  {name} " in told.stdout
    assert "mailbox" not in told.stdout


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import json, sys\n"
        "from nurture.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)"
    )
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(json.loads(told.stderr.splitlines()[-1])) == set()


def test_every_command_is_where_the_table_says() -> None:
    for name in COMMANDS:
        assert (found := command(name)).name == name
        assert ADDED.get(name, {}).keys() <= getattr(found, "commands", {}).keys()


def test_no_module_takes_the_group_of_another_to_hang_commands_onto_it() -> None:
    """Such commands would be there only if somebody happened to load the module; they belong into ADDED."""
    names = [each.name for each in pkgutil.iter_modules(cli.__path__) if each.name != "main"]
    holders: dict[int, set[str]] = defaultdict(set)
    for name in names:
        for value in vars(import_module(f"nurture.cli.{name}")).values():
            if isinstance(value, typer.Typer):
                holders[id(value)].add(name)
    assert [sorted(held) for held in holders.values() if len(held) > 1] == []


def test_a_command_that_is_mistyped_is_guessed() -> None:
    assert "No such command 'statis'. Did you mean 'status'" in nurture("statis").stderr


def test_every_command_explains_itself() -> None:
    for name in ("up", "web", "worker", "beat", "mailbox", "keys", "db"):
        told = nurture(name, "--help")
        assert told.returncode == 0, told.stderr
        assert "Usage: nurture " in told.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["dance"], "No such command 'dance'"),
        (["worker", "--queues", "events,nonsense"], "choose from events,sequences,mail,handoff"),
        (["worker", "--concurrency", "0"], "--concurrency"),
    ],
)
def test_a_wrong_command_line_is_refused_with_exit_code_2(arguments: list[str], told: str) -> None:
    answer = nurture(*arguments)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert answer.stdout == ""


def test_what_the_engine_refuses_is_told_without_a_traceback(tmp_path: Path) -> None:
    told = nurture("beat", NURTURE_PORT="no", NURTURE_LOG_LEVEL="loud", NURTURE_DATA_DIR=str(tmp_path))
    assert told.returncode == 2
    assert told.stderr.startswith("nurture: The settings are wrong:\n")
    assert "NURTURE_PORT" in told.stderr
    assert "NURTURE_LOG_LEVEL" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_processes_without_a_redis_say_how_to_get_one(command: str, tmp_path: Path) -> None:
    told = nurture(command, NURTURE_DATA_DIR=str(tmp_path))
    assert told.returncode == 2
    assert told.stderr == "nurture: There is no Redis: start `nurture up`, or set NURTURE_REDIS_URL\n"


KEYS = {
    "NURTURE_WRITE_KEYS": '{"shop": {"key": "wk_shop_1", "origins": ["https://b.example", "https://a.example"]}, "blog": "wk_blog_1"}',
    "NURTURE_SECRET_KEYS": '{"crm": "sk_abcdefghijklmnopqrstuvwx"}',
}


def test_keys_lists_both_kinds_and_no_secret(tmp_path: Path) -> None:
    told = nurture("keys", NURTURE_DATA_DIR=str(tmp_path), **KEYS)
    assert told.returncode == 0
    assert [line.split(maxsplit=3) for line in told.stdout.splitlines()] == [
        ["shop", "public", "wk_shop_1", "https://a.example, https://b.example"],
        ["blog", "public", "wk_blog_1", "pages of any origin"],
        ["crm", "secret", "sk_…uvwx", "servers only"],
    ]
    as_json = json.loads(nurture("keys", "--json", NURTURE_DATA_DIR=str(tmp_path), **KEYS).stdout)
    assert [(each["name"], each["kind"], each.get("origins")) for each in as_json] == [
        ("shop", "public", ["https://a.example", "https://b.example"]), ("blog", "public", None), ("crm", "secret", None),
    ]  # fmt: skip
    assert as_json[2]["key"] == "sk_…uvwx"


def test_a_new_key_is_fresh_and_alone_on_standard_output(tmp_path: Path) -> None:
    first, second = (nurture("keys", "new", NURTURE_DATA_DIR=str(tmp_path)) for _ in range(2))
    assert first.stdout.startswith("wk_")
    assert first.stdout != second.stdout
    assert first.stdout.strip() in first.stderr
    assert "NURTURE_WRITE_KEYS" in first.stderr


def test_a_new_secret_key_is_another_kind_and_shown_once(tmp_path: Path) -> None:
    told = nurture("keys", "new", "--secret", NURTURE_DATA_DIR=str(tmp_path))
    assert told.stdout.startswith("sk_")
    assert told.stdout.strip() not in told.stderr
    assert "NURTURE_SECRET_KEYS" in told.stderr


def test_the_pair_of_keys_that_signs_mail_is_made_once_and_told_again(tmp_path: Path) -> None:
    made, again = (nurture("keys", "dkim", "--selector", "n2026", NURTURE_DATA_DIR=str(tmp_path)) for _ in range(2))
    assert made.returncode == 0
    assert made.stdout == again.stdout
    assert made.stdout.startswith('n2026._domainkey.example.com. IN TXT "v=DKIM1; k=rsa; p=')
    assert "now lies in" in made.stderr
    assert "dkim: {domain: example.com, selector: n2026}" in again.stderr
    assert "PRIVATE" not in made.stdout + made.stderr


def test_the_record_of_another_domain_and_kind_as_json(tmp_path: Path) -> None:
    options = ("--selector", "s", "--domain", "Mail.example.org", "--kind", "ed25519", "--json")
    told = json.loads(nurture("keys", "dkim", *options, NURTURE_DATA_DIR=str(tmp_path)).stdout)
    assert told["name"] == "s._domainkey.mail.example.org."
    assert told["record"].startswith("v=DKIM1; k=ed25519; p=")
    assert (told["made"], told["file"]) == (True, str(tmp_path / "dkim" / "s.pem"))


def test_a_selector_that_no_name_can_hold_is_refused(tmp_path: Path) -> None:
    told = nurture("keys", "dkim", "--selector", "../x", NURTURE_DATA_DIR=str(tmp_path))
    assert told.returncode == 2
    assert "cannot stand in the DNS" in told.stderr
    assert not (tmp_path / "dkim").exists()


def test_the_example_for_a_new_key_keeps_the_keys_there_are(tmp_path: Path) -> None:
    told = nurture("keys", "new", NURTURE_DATA_DIR=str(tmp_path), **KEYS)
    example = json.loads(told.stderr.split("NURTURE_WRITE_KEYS='")[1].split("'")[0])
    assert example == {**json.loads(KEYS["NURTURE_WRITE_KEYS"]), "NAME": told.stdout.strip()} | {
        "shop": {"key": "wk_shop_1", "origins": ["https://a.example", "https://b.example"]}
    }
