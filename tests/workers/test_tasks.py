"""A task on a real installation, run in this process."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import Engine, func, select, update

import workers.tasks
from nurture.adapters.database.tables import erased_addresses, people
from nurture.bootstrap import WorkerParts
from nurture.settings import Settings
from tests.support.definitions import definitions
from tests.support.events import form, page
from tests.support.installation import SECRET, Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock


@pytest.fixture
def installation(
    migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink, database_url: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Installation]:  # fmt: skip
    """An installation, and the tasks working on it."""
    settings = Settings(
        database_url=SecretStr(database_url), redis_url=SecretStr(redis_url), secret_key=SecretStr(SECRET), data_dir=tmp_path
    )
    parts = WorkerParts(settings)
    monkeypatch.setattr(workers.tasks, "parts", lambda: parts)
    yield Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)
    parts.database.engine.dispose()


def test_what_is_too_old_goes_in_one_turn(installation: Installation) -> None:
    installation.happen(*[page("/a", f"reader-{number}") for number in range(250)])
    installation.happen(*[form(f"p{number}@acme.test", f"d{number}") for number in range(120)])
    long_ago = installation.clock.now() - timedelta(days=5_000)
    with installation.engine.begin() as connection:
        connection.execute(update(people).values(seen_at=long_ago))
    installation.happen(page("/a", "new"))
    installation.apply(definitions(privacy={"retention": {"anonymous": "400d", "prospects": "400d"}}))
    with installation.engine.begin() as connection:
        kept = connection.scalar(select(people.c.id).order_by(people.c.seen_at.desc()).limit(1))
        connection.execute(
            update(people).where(people.c.id == kept).values(seen_at=installation.clock.now() + timedelta(days=36_500))
        )
    workers.tasks.forget_old()
    with installation.engine.connect() as connection:
        assert list(connection.scalars(select(people.c.id))) == [kept]
        assert connection.scalar(select(func.count()).select_from(erased_addresses)) == 0, "nobody asked for it"
