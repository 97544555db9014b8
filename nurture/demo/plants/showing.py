"""A planted business in a folder, to be looked at with every command that reads."""

from pathlib import Path

from nurture.adapters.database.engine import make_engine
from nurture.adapters.database.upgrading import expand
from nurture.demo.plants.business import Business
from nurture.demo.plants.causes import PLANTS
from nurture.demo.plants.growing import grow
from nurture.domain.wording import instead
from nurture.errors import DefinitionError
from nurture.reports.diagnose import build
from nurture.reports.reading import snapshot
from nurture.reports.sheet import Report

#: The name of the business in which nothing is wrong.
WELL = "none"


def planted(database: Path, cause: str, seed: int) -> Report:
    """Play a business with one cause planted into a new SQLite file; its diagnosis. Raises DefinitionError for no such cause."""
    if cause != WELL and cause not in PLANTS:
        raise DefinitionError(f"no cause {cause!r} can be planted; {instead(cause, [*PLANTS, WELL])}")
    business = Business() if cause == WELL else PLANTS[cause].business
    engine = make_engine(f"sqlite:///{database}")
    try:
        expand(engine)
        definitions, period = grow(engine, business, seed)
        with snapshot(engine) as connection:
            return build(connection, definitions, period, period.ends)
    finally:
        engine.dispose()
