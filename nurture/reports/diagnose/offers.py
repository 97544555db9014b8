"""Facts about what is offered: whether readers come to the pages of forms, what the forms ask, and what becomes of who sends them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from nurture.domain.diagnosing.facts import Fact, Names, Number, Pace, Share
from nurture.domain.diagnosing.judging import Case
from nurture.domain.measuring.figures import ASSISTED, BECAME_BY_ASSET, BECAME_BY_FORM, DOWNLOADS, LANDED, SUBMITS, VIEWS
from nurture.domain.scoring import PERSON_FACTS
from nurture.reports.diagnose.looking import Look, share_of_people
from nurture.reports.rollups import by_key
from nurture.reports.sheet import Period

#: So far back it is looked up where a form stands that nobody has sent lately.
_REMEMBERED: Final = 365

#: As many are named.
_NAMED: Final = 3

#: Pages that are judged by themselves: the most viewed.
_PAGES: Final = 20


class Offers:
    """What is offered on which pages, and how often each was looked at and taken."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self.views = by_key(look.connection, VIEWS, look.period)
        self.pages = _pages_of_forms(look)
        self._offering = {page for pages in self.pages.values() for page in pages}

    @property
    def _reading(self) -> list[str]:
        """The pages that are no forms', the most viewed first."""
        return sorted(self.views.keys() - self._offering, key=lambda page: (-self.views[page], page))

    def facts(self) -> dict[str, Fact]:
        """Those of the whole business."""
        look, views = self._look, sum(self.views.values())
        reached = sum(n for page, n in self.views.items() if page in self._offering)
        by_asset = by_key(look.connection, BECAME_BY_ASSET.format(look.stages.lead), look.period)
        return {
            "views": Number(views),
            "offers_reached": share_of_people(reached, views, look.visitors[0]),
            "offers": Names(tuple(sorted(self._offering))),
            "top_pages": Names(tuple(self._reading[:_NAMED])),
            "assets_of_leads": Names(tuple(sorted(filter(None, by_asset), key=lambda asset: (-by_asset[asset], asset))[:_NAMED])),
        }

    def by_page(self) -> Iterator[Case]:
        """The pages most read: how many of those who became leads had read them before, beside how often they were viewed."""
        assisted = by_key(self._look.connection, ASSISTED.format(self._look.stages.lead), self._look.period)
        views, leads = sum(self.views[page] for page in self._reading), sum(assisted.get(page, 0) for page in self._reading)
        for page in self._reading[:_PAGES]:
            here, brought = self.views[page], assisted.get(page, 0)
            yield Case(page, {
                "page_views": Number(here), "page_share": Share(here, views), "page_leads": Number(brought),
                "page_leads_for_views": Pace(brought, here, leads - brought, views - here),
            })  # fmt: skip

    def by_form(self) -> Iterator[Case]:
        """Every form that is defined."""
        look = self._look
        now, before = (by_key(look.connection, SUBMITS, period) for period in (look.period, look.period.before))
        leads, qualified = (
            by_key(look.connection, BECAME_BY_FORM.format(stage), look.period)
            for stage in (look.stages.lead, look.stages.qualified)
        )
        judged, offered = _asked_by_fit(look), sum(self.views.get(page, 0) for page in self._offering)
        for name, form in look.definitions.forms.items():
            pages = self.pages.get(name, ())
            views = sum(self.views.get(page, 0) for page in pages)
            days = look.period.days
            yield Case(name, {
                "form_views": Number(views), "form_submits": Number(now.get(name, 0)), "form_pages": Names(tuple(pages)),
                "form_taken": Share(min(now.get(name, 0), views), views), "form_share": Share(views, offered),
                "form_submits_before": Number(before.get(name, 0)),
                "form_submits_pace": Pace(now.get(name, 0), days, before.get(name, 0), days),
                "form_required": Number(sum(need == "required" for need in form.fields.values())),
                "form_fit_fields": Number(len(judged & form.fields.keys())),
                "form_leads": Number(leads.get(name, 0)),
                "form_qualified": Share(qualified.get(name, 0), leads.get(name, 0)),
            })  # fmt: skip

    def by_asset(self) -> Iterator[Case]:
        """Every asset that is defined."""
        downloads = by_key(self._look.connection, DOWNLOADS, self._look.period)
        for name, asset in self._look.definitions.assets.items():
            yield Case(name, {"asset_downloads": Number(downloads.get(name, 0)), "asset_gated": Number(int(asset.gated))})


def _pages_of_forms(look: Look) -> Mapping[str, Sequence[str]]:
    """The pages from which each form was sent, the most often first."""
    span = Period(first=look.period.last - _REMEMBERED, last=look.period.last, timezone=look.period.timezone)
    sent: dict[str, Counter[str]] = defaultdict(Counter)
    for key, n in by_key(look.connection, LANDED, span).items():
        form, _, page = key.partition(" ")
        sent[form][page] += n
    return {form: [page for page, _ in pages.most_common()] for form, pages in sent.items()}


def _asked_by_fit(look: Look) -> frozenset[str]:
    """What the rules of fit must be told of somebody; what the address alone says is no question."""
    asked = (rule.when.fields() for rule in look.definitions.scoring.fit if rule.points > 0)
    return frozenset().union(*asked) - PERSON_FACTS
