"""What the columns of a file mean when nobody says so: obvious names are taken for our fields, all else is kept as it is.

`nurture export` writes files whose first column is `nurture_person` or `nurture_event`; of those every column is known.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from nurture.domain.imports.mapping import Filling, Imported, ImportMapping
from nurture.domain.person import snake_case

#: The first column of our own exports: the id that the person or the event had there.
PERSON_MARK: Final = "nurture_person"
EVENT_MARK: Final = "nurture_event"

#: Where a refused row carries its mistake; of no meaning when the row is imported again.
MISTAKE: Final = "import_error"

#: A cell of such a column holds JSON: what is no text keeps its type.
AS_JSON: Final = ":json"

_IDENTITY: Final = {
    "email": "email", "e_mail": "email", "email_address": "email", "e_mail_address": "email", "mail": "email",
    "user_id": "user_id", "userid": "user_id", "anonymous_id": "anonymous_id", "anonymousid": "anonymous_id",
    "visitor_id": "anonymous_id", "message_id": "message_id", "messageid": "message_id", "locale": "language",
    "language": "language", "preferred_language": "language", "timezone": "timezone", "time_zone": "timezone",
}  # fmt: skip

_OF_PEOPLE: Final = _IDENTITY | {
    "first_name": "attributes.first_name", "firstname": "attributes.first_name", "given_name": "attributes.first_name",
    "last_name": "attributes.last_name", "lastname": "attributes.last_name", "surname": "attributes.last_name",
    "family_name": "attributes.last_name", "company": "attributes.company", "company_name": "attributes.company",
    "organization": "attributes.company", "organisation": "attributes.company", "account_name": "attributes.company",
    "job_title": "attributes.job_title", "jobtitle": "attributes.job_title", "title": "attributes.job_title",
    "country": "attributes.country", "country_region": "attributes.country", "phone": "attributes.phone",
    "phone_number": "attributes.phone", "occurred_at": "occurred_at", "updated_at": "occurred_at", "timestamp": "occurred_at",
    "last_modified_date": "occurred_at", "traits": "attributes", "attributes": "attributes",
}  # fmt: skip

_OF_EVENTS: Final = _IDENTITY | {
    "event": "name", "name": "name", "event_name": "name", "event_type": "name", "kind": "kind", "type": "kind",
    "timestamp": "occurred_at", "occurred_at": "occurred_at", "time": "occurred_at", "datetime": "occurred_at",
    "event_time": "occurred_at", "original_timestamp": "occurred_at", "event_id": "message_id", "previous_id": "previous_id",
    "url": "url", "page_url": "url", "path": "path", "page_path": "path", "page_title": "title", "referrer": "referrer",
    "referer": "referrer", "page_referrer": "referrer", "user_agent": "user_agent", "useragent": "user_agent",
    "utm_source": "campaign.source", "utm_medium": "campaign.medium", "utm_campaign": "campaign.name",
    "utm_term": "campaign.term", "utm_content": "campaign.content", "properties": "properties", "traits": "attributes",
    "context": "context",
}  # fmt: skip

_OF_ANSWERS: Final = {
    each: _IDENTITY[each] for each in ("email", "e_mail", "email_address", "e_mail_address", "mail", "user_id", "userid", "message_id")
} | {
    "person": "person", "person_id": "person", "nurture_person": "person", "nurture_id": "person", "answer": "answer",
    "outcome": "answer", "status": "answer", "stage": "answer", "deal_stage": "answer", "reason": "reason", "lost_reason": "reason",
    "closed_lost_reason": "reason", "amount": "amount", "value": "amount", "currency": "currency", "occurred_at": "occurred_at",
    "at": "occurred_at", "date": "occurred_at", "close_date": "occurred_at", "closed_at": "occurred_at", "timestamp": "occurred_at",
    "updated_at": "occurred_at",
}  # fmt: skip

#: Columns of our own exports that hold JSON.
_JSON: Final = frozenset({"properties", "attributes", "traits", "context"})

_EXPORTED_PERSON: Final = {
    "email": "email", "user_id": "user_id", "anonymous_id": "anonymous_id", "seen_at": "occurred_at", "attributes": "attributes",
}  # fmt: skip

_EXPORTED_EVENT: Final = {
    each: each for each in (
        "source", "message_id", "kind", "name", "occurred_at", "email", "user_id", "anonymous_id", "previous_id", "submission",
        "assurance", "consented", "properties", "context",
    )
} | {"traits": "attributes"}  # fmt: skip

_NAMELESS: Final = ("user_id", "anonymous_id", "submission")


class Taken(NamedTuple):
    """A mapping made of a file's columns, and what each of them was taken for; None for what is left out."""

    mapping: ImportMapping
    columns: Mapping[str, str | None]


def taken_for(columns: Iterable[str], imports: Imported) -> Taken:
    """What a file's columns most probably mean. Of two columns taken for the same field, the first that is filled counts."""
    columns = [column for column in columns if column and _is_text(column)]
    mark = EVENT_MARK if imports == "events" else PERSON_MARK
    named = (
        _exported(columns, imports)
        if mark in columns and imports != "answers"
        else {each: _obvious(each, imports) for each in columns}
    )
    fillings: dict[str, list[Filling]] = {}
    for column, field in named.items():
        if field is not None:
            as_json = column.endswith(AS_JSON) or (mark in columns and column in _JSON)
            filling = Filling(column=column, type="json" if as_json or field in _JSON else None)
            fillings.setdefault(field, []).append(filling)
    fields = {field: each[0] if len(each) == 1 else Filling(any=tuple(each)) for field, each in fillings.items()}
    # The checks of a mapping are for its author. Here a row without what it needs says so itself.
    return Taken(ImportMapping.model_construct(imports=imports, fields=fields), named)


def _is_text(column: str) -> bool:
    """Whether a name is text at all; of JSON it may be half a character, and then its row is refused."""
    return not any("\ud800" <= letter <= "\udfff" for letter in column)


def _obvious(column: str, imports: Imported) -> str | None:
    name = snake_case(column.strip().removesuffix(AS_JSON).replace("/", " "))
    if name == MISTAKE:
        return None
    if imports == "answers":
        return _OF_ANSWERS.get(name)
    known = (_OF_PEOPLE if imports == "people" else _OF_EVENTS).get(name)
    if known is not None:
        return known
    family, dot, inner = name.partition(".")
    if dot and inner and family in ("attributes", "properties", "traits"):
        return f"{'properties' if family == 'properties' and imports == 'events' else 'attributes'}.{inner}"
    return f"{'attributes' if imports == 'people' else 'properties'}.{name}"


def _exported(columns: list[str], imports: Imported) -> dict[str, str | None]:
    """What the columns of our own export mean. Scores, stages and touches follow from events, so they are not taken."""
    if imports == "people":
        return {
            column: column.removesuffix(AS_JSON) if column.startswith("attributes.") else _EXPORTED_PERSON.get(column)
            for column in columns
        }
    return {column: "email" if column == "person_email" else _EXPORTED_EVENT.get(column) for column in columns}
