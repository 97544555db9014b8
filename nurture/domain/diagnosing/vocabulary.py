"""Every fact that rules may ask about, by what it is known of, with how it is shown. What each means stands in docs/diagnose.md."""

from collections.abc import Mapping
from typing import Final, Literal

from nurture.domain.diagnosing.rules import Subject

#: `names` are shown one by one; everything else as in reports.
FactKind = Literal["count", "share", "ratio", "money", "names"]

_BUSINESS: Final[Mapping[str, FactKind]] = {
    # The audience, against as many days before.
    "visitors": "count", "visits": "count", "visits_before": "count", "visits_pace": "ratio",
    "newcomers": "share", "newcomers_change": "ratio", "awareness": "share", "awareness_change": "ratio",
    "contacts": "count", "contacts_away": "share", "contacts_suppressed": "share",
    # What is offered, and whether people come to it.
    "views": "count", "offers_reached": "share", "offers": "names", "top_pages": "names",
    # From leads to customers.
    "leads": "count", "lead_rate": "share", "leads_qualified": "share", "poor_fit": "share", "fit_unknown": "share",
    "sales_leads": "count", "past_threshold": "share", "leads_nurtured": "share", "assets_of_leads": "names",
    # Mail.
    "mails": "count", "mails_bounced": "share", "mails_held_back": "share", "mails_clicked": "share",
    "clicks": "count", "machine_clicks": "share",
    # What sales made of it.
    "follow_ups": "count", "follow_ups_answered": "share", "answered_in_time": "share",
}  # fmt: skip

FACTS: Final[Mapping[Subject, Mapping[str, FactKind]]] = {
    "business": _BUSINESS,
    "page": {"page_views": "count", "page_share": "share", "page_leads": "count", "page_leads_for_views": "ratio"},
    "form": {
        "form_views": "count", "form_submits": "count", "form_taken": "share", "form_pages": "names", "form_share": "share",
        "form_submits_before": "count", "form_submits_pace": "ratio", "form_required": "count", "form_fit_fields": "count",
        "form_leads": "count", "form_qualified": "share",
    },
    "asset": {"asset_downloads": "count", "asset_gated": "count"},
    "channel": {
        "channel_visits": "count", "channel_leads": "count", "channel_share_of_leads": "share", "channel_qualified": "share",
        "channel_qualified_beside_others": "ratio", "channel_spend": "money", "channel_share_of_spend": "share",
        "channel_leads_for_spend": "ratio",
    },
    "sequence": {
        "sequence_entered": "count", "sequence_ended": "count", "sequence_goals": "share", "sequence_mails": "count",
        "sequence_share": "share", "sequence_unsubscribed": "share", "sequence_complained": "share",
    },
    "endpoint": {"endpoint_deliveries": "count", "endpoint_failed": "share"},
    "promotion": {
        "promotion_people": "count", "promotion_share": "share", "promotion_decided": "count", "promotion_rejected": "share",
    },
}  # fmt: skip


def facts_of(subject: Subject) -> Mapping[str, FactKind]:
    """The facts that a rule may name which is asked of `subject`: its own, and those of the whole business."""
    return {**FACTS["business"], **FACTS[subject]}
