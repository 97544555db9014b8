"""Facts about the audience: who comes, how many are new, how many come for the name, and who has not been seen for long."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from nurture.adapters.database.census import Answer
from nurture.adapters.database.tables import people, suppressions
from nurture.domain.definitions import Definitions
from nurture.domain.diagnosing.facts import Change, Fact, Number, Pace, Share
from nurture.domain.mail.suppression import ALL
from nurture.domain.measuring.figures import AWARE, VISITS
from nurture.domain.proportions import Counted
from nurture.reports.diagnose.looking import Look
from nurture.reports.everybody import EARLIER, DailyQuestion, Question, Span
from nurture.reports.rollups import people_in, total
from nurture.reports.sheet import Period

#: Who was not seen for so long is away.
AWAY: Final = timedelta(days=60)


def facts_of_audience(look: Look) -> dict[str, Fact]:
    """See docs/diagnose.md for what each means."""
    connection, period = look.connection, look.period
    (visitors, new), (visitors_before, new_before) = look.visitors, people_in(connection, period.before)
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
    """People who can be written to."""
    [(contacts, silenced)] = look.everybody.answer(CONTACTS)
    long_ago = Period(first=EARLIER, last=look.period.last - AWAY.days, timezone=look.period.timezone)
    away = sum(n for (n,) in look.everybody.answer_about(SEEN, long_ago))
    return {
        "contacts": Number(contacts),
        "contacts_away": Share(away, contacts),
        "contacts_suppressed": Share(min(silenced, contacts), contacts),
    }


def _ask_who_can_be_written_to(connection: Connection, _definitions: Definitions, _at: datetime) -> Answer:
    """Two counts, each of an index."""
    contacts = connection.scalar(select(func.count()).where(*_KNOWN))
    silenced = connection.scalar(select(func.count()).where(suppressions.c.scope == ALL))
    return [(contacts, silenced)]


def _ask_when_they_were_seen(connection: Connection, _definitions: Definitions, span: Span) -> Answer:
    seen = select(span.day(people.c.seen_at)).where(*_KNOWN, span.holds(people.c.seen_at)).subquery()
    return [(day, None, n) for day, n in connection.execute(select(seen.c.day, func.count()).group_by(seen.c.day))]


_KNOWN: Final = people.c.merged_into.is_(None), people.c.email.is_not(None)

#: How many people have an address, and how many addresses no mail may go to.
CONTACTS: Final = Question("contacts", _ask_who_can_be_written_to)

#: How many of those who have an address were last seen on a day.
SEEN: Final = DailyQuestion("contacts_seen", _ask_when_they_were_seen)
