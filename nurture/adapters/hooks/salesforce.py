"""Salesforce: a record-triggered Flow with an HTTP callout (JSON). Its older Outbound Messages are SOAP and are not read.

Nothing is signed: a Named Credential shows the secret as Basic, Bearer, or in a header of its own (Salesforce, "HTTP Callout Action").
"""

from typing import Final

from nurture.adapters.hooks.base import Adapter
from nurture.adapters.hooks.checks import shows_secret
from nurture.domain.answering import AnswerReading

ADAPTER: Final = Adapter(
    shows_secret,
    "A record-triggered Flow on Opportunity or Lead with an HTTP Callout: POST to this address, with a Named Credential that shows the "
    "secret; as body Email, Id, StageName or Status, Amount, LastModifiedDate, and the reason as reason",
    answers=AnswerReading(
        answer=("StageName", "Status", "answer"),
        words={
            "closed won": "won", "closed lost": "lost", "prospecting": "accepted", "qualification": "accepted",
            "open - not contacted": "nothing", "working - contacted": "accepted", "closed - converted": "accepted",
            "closed - not converted": "rejected", "unqualified": "rejected", "accepted": "accepted", "rejected": "rejected",
            "won": "won", "lost": "lost",
        },
        person=("nurture_id__c", "person"), email=("Email", "email"), user_id=("ContactId", "LeadId"), prefix="salesforce:",
        id=("Id", "StageName", "Status", "LastModifiedDate"), at=("LastModifiedDate", "at"), reason=("reason", "Loss_Reason__c"),
        amount=("Amount", "amount"), currency=("CurrencyIsoCode", "currency"),
    ),
)  # fmt: skip
