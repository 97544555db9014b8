"""Texts of strangers are values to the database and never part of a statement."""

import ast
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select

import nurture
from nurture.adapters.database.tables import events, identifiers, people
from nurture.errors import UnknownPerson
from nurture.reports.people import find_person
from tests.support.events import event, form
from tests.support.installation import Installation

INJECTIONS = [
    "'; DROP TABLE people; --", "' OR '1'='1", '" OR ""="', "x' UNION SELECT email FROM people --", "\\'; DELETE FROM events; --",
    "'||(SELECT email FROM people LIMIT 1)||'", "%' --", "_%", ":name", "%(name)s", "?", "{0}", "$1", "/*", "*/", "--", ";", "\u02bc; DROP",
    "$$; DROP TABLE people; $$", "E'\\\\x27'", "[email]", "`email`", "name'); SELECT pg_sleep(9); --", "\ufe68' OR 1=1", '{"$gt": ""}', "1e400",
]  # fmt: skip

#: Where a statement is put together from texts, each of which is a name of ours; reviewed.
PUT_TOGETHER = {
    "adapters/database/bulk.py", "adapters/database/rollups.py", "reports/doctor/patient.py", "reports/reading.py",
    "reports/sequences/mails.py",
}  # fmt: skip


def test_whatever_people_are_called_is_kept_and_found_as_it_is(installation: Installation) -> None:
    engine = installation.engine
    before = sorted(inspect(engine).get_table_names())
    for number, text in enumerate(INJECTIONS):
        traits: dict[str, Any] = {"first_name": text, text[:60]: text}
        installation.happen(
            form(f"p{number}@acme.test", f"device {text}", **traits),
            event(
                text[:64],
                anonymous_id=f"device {text}",
                user_id=f"{number}{text}",
                message_id=f"{number}{text}",
                properties={text: text},
            ),
        )
    assert sorted(inspect(engine).get_table_names()) == before
    with engine.connect() as connection:
        known: Any = {
            row.email: row.attributes for row in connection.execute(select(people.c.email, people.c.attributes)) if row.email
        }
        bodies = [row.body for row in connection.execute(select(events.c.body))]
        found: set[int] = set()
        assert len(bodies) == 2 * len(INJECTIONS)
        for number, text in enumerate(INJECTIONS):
            assert known[f"p{number}@acme.test"]["first_name"][0] == text
            assert any(body.get("properties") == {text: text} for body in bodies)
            found.add(find_person(connection, f"{number}{text}").person.id)
            with pytest.raises(UnknownPerson):
                find_person(connection, f"nobody{text}")
        assert len(found) == len(INJECTIONS)
        values = set(connection.scalars(select(identifiers.c.value)))
    assert {f"{number}{text}" for number, text in enumerate(INJECTIONS)} <= values


def _is_put_together(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    return isinstance(node, ast.BinOp) or (isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".format"))


def test_no_statement_is_put_together_from_values() -> None:
    """`text`, `exec_driver_sql` and their like are given whole texts, but where a comment says why not."""
    root, found = Path(nurture.__file__).parent, set()
    for file in [*root.glob("**/*.py"), *(root.parent / "workers").glob("*.py")]:
        if "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and node.args and _is_put_together(node.args[0]):
                called = ast.unparse(node.func).rpartition(".")[2]
                if called in {"text", "exec_driver_sql", "literal_column", "executescript"} and "Static" not in ast.unparse(node):
                    found.add(str(file.relative_to(root.parent)).removeprefix("nurture/"))
    assert {each for each in found if not each.startswith("cli/")} <= PUT_TOGETHER
