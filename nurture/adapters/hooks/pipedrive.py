"""Pipedrive's webhooks v2 for deals. They are not signed: Basic authentication proves whose they are (Pipedrive, "Guide for Webhooks v2").

Each change of a deal is told; `previous` holds what was otherwise before, so that a deal counts as won when it becomes so, and not
with every later edit. A deal names its person by Pipedrive's own id only.
"""

from typing import Final

from nurture.adapters.hooks.base import Adapter
from nurture.adapters.hooks.checks import shows_secret
from nurture.domain.answering import AnswerReading

ADAPTER: Final = Adapter(
    shows_secret,
    "Tools and apps > Webhooks: version 2.0, this address, event *.deal, with HTTP authentication by USER:PASSWORD, the secret",
    answers=AnswerReading(
        answer=("meta.entity/meta.action/data.status/previous.status",),
        words={
            "deal/create": "accepted", "deal/create/won": "won", "deal/create/lost": "lost", "deal/change": "nothing",
            "deal/change/won/open": "won", "deal/change/won/lost": "won", "deal/change/lost/open": "lost",
            "deal/change/lost/won": "lost", "deal/delete": "nothing",
        },
        user_id=("data.person_id",), prefix="pipedrive:", id=("meta.entity_id", "data.update_time"),
        at=("data.won_time", "data.lost_time", "meta.timestamp"), reason=("data.lost_reason",), amount=("data.value",),
        currency=("data.currency",),
    ),
)  # fmt: skip
