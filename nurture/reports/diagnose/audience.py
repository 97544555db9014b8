"""Facts about the audience: who comes, how many are new, how many come for the name, and who has not been seen for long."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select

from nurture.adapters.database.tables import people, suppressions
from nurture.domain.diagnosing.facts import Change, Fact, Number, Pace, Share
from nurture.domain.mail.suppression import ALL
from nurture.domain.measuring.figures import AWARE, VISITS
from nurture.domain.proportions import Counted
from nurture.reports.diagnose.looking import Look
from nurture.reports.rollups import people_in, total

#: Who was not seen for so long is away.
AWAY: Final = timedelta(days=60)


def facts_of_audience(look: Look) -> dict[str, Fact]:
    """See docs/diagnose.md for what each means."""
    connection, period = look.connection, look.period
    (visitors, new), (visitors_before, new_before) = people_in(connection, period), people_in(connection, period.before)
    visits, visits_before = total(connection, VISITS, period), total(connection, VISITS, period.before)
    aware, aware_before = total(connection, AWARE, period), total(connection, AWARE, period.before)
    return {
        "visitors": Number(visitors),
        "visits": Number(visits),
        "visits_before": Number(visits_before),
        "visits_pace": Pace(visits, period.days, visits_before, period.days),
        "newcomers": Share(new, visitors),
        "newcomers_change": Change(Counted(new, visitors), Counted(new_before, visitors_before)),
        "awareness": Share(aware, visits),
        "awareness_change": Change(Counted(aware, visits), Counted(aware_before, visits_before)),
        **_contacts(look),
    }


def _contacts(look: Look) -> dict[str, Fact]:
    """People who can be written to. Three counts, each of an index."""
    known = select(func.count()).where(people.c.merged_into.is_(None), people.c.email.is_not(None))
    contacts = look.connection.scalar(known) or 0
    away = look.connection.scalar(known.where(people.c.seen_at < look.period.ends - AWAY)) or 0
    silenced = look.connection.scalar(select(func.count()).where(suppressions.c.scope == ALL)) or 0
    return {
        "contacts": Number(contacts),
        "contacts_away": Share(away, contacts),
        "contacts_suppressed": Share(min(silenced, contacts), contacts),
    }
