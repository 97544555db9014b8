"""Facts about channels: how many come by each, who becomes a lead, who qualifies, and what it costs."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import select

from nurture.adapters.database.tables import spend
from nurture.domain.diagnosing.facts import Change, Number, Pace, Share
from nurture.domain.diagnosing.judging import Case
from nurture.domain.measuring.figures import CREDIT, VISITS, WHOLE
from nurture.domain.proportions import Counted
from nurture.reports.diagnose.looking import Look
from nurture.reports.rollups import by_key

#: A lead counts for the channel that brought the person first: what follows is the work of the whole house.
_MODEL = "first"


def by_channel(look: Look) -> Iterator[Case]:
    """Every channel by which somebody came, or on which money was spent."""
    visits = by_key(look.connection, VISITS, look.period)
    leads, qualified = (_credited(look, stage) for stage in (look.stages.lead, look.stages.qualified))
    spent = _spent(look)
    all_leads, all_qualified, all_spent = (sum(each.values()) for each in (leads, qualified, spent))
    paid_leads = sum(n for channel, n in leads.items() if spent.get(channel))
    for channel in sorted(visits.keys() | leads.keys() | spent.keys()):
        mine, good, cost = leads.get(channel, 0), qualified.get(channel, 0), spent.get(channel, 0)
        good = min(good, mine)
        others = Counted(min(all_qualified - good, all_leads - mine), all_leads - mine)
        yield Case(channel, {
            "channel_visits": Number(visits.get(channel, 0)), "channel_leads": Number(mine),
            "channel_share_of_leads": Share(mine, all_leads), "channel_qualified": Share(good, mine),
            "channel_qualified_beside_others": Change(Counted(good, mine), others),
            "channel_spend": Number(cost), "channel_share_of_spend": Share(cost, all_spent),
            "channel_leads_for_spend": Pace(mine if cost else 0, cost, paid_leads - mine if cost else 0, all_spent - cost),
        })  # fmt: skip


def _credited(look: Look, stage: str) -> dict[str, int]:
    credit = by_key(look.connection, CREDIT.format(_MODEL, stage), look.period)
    return {channel: round(n / WHOLE) for channel, n in credit.items()}


def _spent(look: Look) -> dict[str, int]:
    """What was spent on each channel on the days of the period, in hundredths; a sum for some days is spread evenly over them."""
    period, spent = look.period, Counter[str]()
    asked = select(spend).where(
        spend.c.channel.is_not(None), spend.c.currency == look.definitions.reporting.currency,
        spend.c.first_day <= period.last, spend.c.last_day >= period.first,
    )  # fmt: skip
    for row in look.connection.execute(asked):
        days = min(row.last_day, period.last) - max(row.first_day, period.first) + 1
        spent[row.channel] += row.amount * days // (row.last_day - row.first_day + 1)
    return dict(spent)
