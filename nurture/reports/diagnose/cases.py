"""Everything that the rules may ask about, of the whole business and of each of its parts."""

from collections.abc import Iterable

from nurture.domain.diagnosing.facts import Facts
from nurture.domain.diagnosing.judging import Case, Cases
from nurture.reports.diagnose.audience import facts_of_audience
from nurture.reports.diagnose.channels import by_channel
from nurture.reports.diagnose.handoff import by_endpoint, facts_of_handoff
from nurture.reports.diagnose.leads import by_promotion, facts_of_leads
from nurture.reports.diagnose.looking import Look
from nurture.reports.diagnose.mails import by_sequence, facts_of_mail, mails_of
from nurture.reports.diagnose.offers import Offers


def cases_of(look: Look) -> Cases:
    """The facts of a business in a period: some thirty reads of roll-ups, and a few questions that are grouped by the database."""
    offers, mails = Offers(look), mails_of(look)
    whole: Facts = {
        **facts_of_audience(look), **offers.facts(), **facts_of_leads(look), **facts_of_mail(look, mails), **facts_of_handoff(look)
    }  # fmt: skip

    def each(parts: Iterable[Case]) -> list[Case]:
        return [Case(part.name, {**whole, **part.facts}) for part in parts]

    return {
        "business": [Case("", whole)],
        "page": each(offers.by_page()),
        "form": each(offers.by_form()),
        "asset": each(offers.by_asset()),
        "channel": each(by_channel(look)),
        "sequence": each(by_sequence(look, mails)),
        "endpoint": each(by_endpoint(look)),
        "promotion": each(by_promotion(look)),
    }
