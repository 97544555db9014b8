"""What happens to definitions when everything starts."""

import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import insert

from nurture import bootstrap
from nurture.adapters.database.releases import body_of, listed
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, people
from nurture.domain.releasing import Wishes
from nurture.errors import DefinitionError
from nurture.flow.release import release
from nurture.settings import Settings
from tests.support.definitions import GUIDE_FILE
from tests.support.waiting import MovableClock, free_port

ROOT = Path(__file__).parents[1]
AT = MovableClock().now()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config" / "sequences" / "guide-nurture.yaml").write_text(GUIDE_FILE)
    return Settings(
        data_dir=tmp_path / "data", config_dir=tmp_path / "config", templates_dir=ROOT / "templates" / "emails",
        database_url=f"sqlite:///{tmp_path / 'nurture.db'}",
    )  # fmt: skip


@pytest.fixture
def database(settings: Settings) -> Database:
    assert bootstrap.prepare(settings) is None
    return bootstrap.database(settings)


def edit(settings: Settings, old: str, new: str) -> None:
    file = settings.config_dir / "sequences" / "guide-nurture.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def digest(database: Database) -> str:
    with database.engine.connect() as connection:
        return database.releases.current(connection).digest


def test_a_start_strands_nobody_and_goes_on_with_what_is_in_force(settings: Settings, database: Database) -> None:
    before = digest(database)
    person = {"id": 7, "stage": "lead", "stage_since": AT, "attributes": {}, "grade": "D", "first_seen_at": AT, "seen_at": AT}
    with database.engine.begin() as connection:
        version = database.releases.current(connection).versions["guide-nurture"]
        connection.execute(insert(people), person)
        waits = {"status": "waiting", "step": "wait-after-thanks", "due_at": AT, "entered_at": AT, "step_since": AT}
        connection.execute(
            insert(enrollments), {"id": 8, "person_id": 7, "sequence": "guide-nurture", "version": version, "entry": 1, **waits}
        )
    edit(settings, "  - {wait: 2d}\n", "")
    told = bootstrap.prepare(settings)
    assert told is not None
    assert "is not put in force: 1 in flight would be stranded. Release 1 stays in force; `nurture plan` says" in told
    assert digest(database) == before
    edit(settings, "  - {id: case, email", "  - {wait: 5d}\n  - {id: case, email")
    assert bootstrap.prepare(settings) is None
    assert digest(database) != before


def test_a_start_does_not_put_back_what_was_rolled_back(settings: Settings, database: Database) -> None:
    before = digest(database)
    edit(settings, "wait: 2d", "wait: 3d")
    assert bootstrap.prepare(settings) is None
    with database.engine.connect() as connection:
        first = body_of(connection, 1)
    assert release(database, first, Wishes(), AT, seen=2, restores=1).applied
    told = bootstrap.prepare(settings)
    assert told is not None
    assert "holds definitions that were rolled back; release 3 stays in force" in told
    assert digest(database) == before
    edit(settings, "wait: 3d", "wait: 4d")
    assert bootstrap.prepare(settings) is None
    with database.engine.connect() as connection:
        assert [each.restores for each in listed(connection)] == [None, 1, None, None]


def test_a_start_with_mistakes_tells_them(settings: Settings) -> None:
    edit(settings, "wait: 2d", "weit: 2d")
    with pytest.raises(DefinitionError, match=r"the definitions are not put in force:\n.*guide-nurture\.yaml:\d+:\d+"):
        bootstrap.prepare(settings)


def test_the_code_of_all_tasks_is_loaded_before_the_fork_without_a_server(settings: Settings) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    urls = {
        "database_url": f"postgresql+psycopg://{nowhere}/x",
        "redis_url": f"redis://{nowhere}",
        "smtp_url": f"smtp://{nowhere}",
        "secret_key": "this-is-the-key-of-a-test",
    }
    parts = bootstrap.WorkerParts(settings.model_copy(update={name: SecretStr(url) for name, url in urls.items()}))
    parts.load_ahead()
    assert {"mailroom", "webhooks"} <= vars(parts).keys()


def test_a_worker_of_events_loads_nothing_of_mail(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"redis_url": SecretStr(f"redis://127.0.0.1:{free_port()}")})
    parts = bootstrap.WorkerParts(nowhere, ["events", "sequences"])
    parts.load_ahead()
    assert not {"mailroom", "webhooks"} & vars(parts).keys()


def test_a_worker_for_which_no_mail_server_is_named_starts_all_the_same(settings: Settings) -> None:
    changed = {"redis_url": SecretStr(f"redis://127.0.0.1:{free_port()}"), "smtp_url": None}
    bootstrap.WorkerParts(settings.model_copy(update=changed), ["mail"]).load_ahead()
