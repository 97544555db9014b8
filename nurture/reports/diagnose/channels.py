"""Facts about channels: how many come by each, who becomes a lead, who qualifies, and what it costs."""

from collections.abc import Iterator

from nurture.domain.diagnosing.facts import Change, Number, Pace, Share
from nurture.domain.diagnosing.judging import Case
from nurture.domain.measuring.figures import BECAME_BY_CHANNEL, VISITS
from nurture.domain.proportions import Counted
from nurture.reports.diagnose.looking import Look
from nurture.reports.money import spent_in
from nurture.reports.rollups import by_key


def by_channel(look: Look) -> Iterator[Case]:
    """Every channel by which somebody came, or on which money was spent."""
    visits = by_key(look.connection, VISITS, look.period)
    leads, qualified = (
        by_key(look.connection, BECAME_BY_CHANNEL.format(stage), look.period)
        for stage in (look.stages.lead, look.stages.qualified)
    )
    money = spent_in(look.connection, look.period, look.definitions.reporting.currency).by_channel
    spent = {channel: round(amount) for channel, amount in money.items()}
    all_leads, all_qualified, all_spent = (sum(each.values()) for each in (leads, qualified, spent))
    paid_leads = sum(n for channel, n in leads.items() if spent.get(channel))
    for channel in sorted(visits.keys() | leads.keys() | spent.keys()):
        mine, good, cost = leads.get(channel, 0), qualified.get(channel, 0), spent.get(channel, 0)
        others = Counted(all_qualified - good, all_leads - mine)
        yield Case(channel, {
            "channel_visits": Number(visits.get(channel, 0)), "channel_leads": Number(mine),
            "channel_share_of_leads": Share(mine, all_leads), "channel_qualified": Share(good, mine),
            "channel_qualified_beside_others": Change(Counted(good, mine), others),
            "channel_spend": Number(cost), "channel_share_of_spend": Share(cost, all_spent),
            "channel_leads_for_spend": Pace(mine if cost else 0, cost, paid_leads - mine if cost else 0, all_spent - cost),
        })  # fmt: skip
