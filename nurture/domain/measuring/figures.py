"""The figures that roll-ups hold: per day of the business's time zone, a number for each figure and key.

Figures of events count human events only, unless said otherwise; they are additive and belong to the day of the event. Figures
of people belong to the day on which somebody reached something, and count one human once, however many devices they used.
"""

from typing import Final

#: Of a figure's keys on one day so many are counted under their own name; what comes beyond them is counted together. Whoever posts a
#: million different pages adds a million events to the log, but no more than this to what a report reads.
MOST_KEYS: Final = 1_000
OTHER: Final = "(other)"

#: Events by verdict: `human`, `machine`, `unknown`.
EVENTS: Final = "events"
#: Events by name.
DID: Final = "did"
#: Visits that brought somebody here, by channel; and those of them that are direct or ask for the brand, by `direct` or `branded`.
VISITS: Final = "visits"
AWARE: Final = "aware"
#: Views of pages by path; seconds of attention and deep reads (75 % of a page or more, each time a reader leaves it) by path.
VIEWS: Final = "views"
SECONDS: Final = "seconds"
DEEP: Final = "deep"
#: Plays of videos and podcasts by title; downloads by asset; forms sent by form.
PLAYS: Final = "plays"
DOWNLOADS: Final = "downloads"
SUBMITS: Final = "submits"

#: People who were here on the day, by the day on which they had been here before: its number, or empty for those never seen. People of
#: any span of days: those of each day whose day before lies before the span.
PEOPLE: Final = "people"
#: The same by the Monday of the week of their first day (its number).
COHORT: Final = "cohort"

#: Figures whose keys are few by what they are; those of all others are words that somebody sends.
_FEW_KEYS: Final = frozenset({EVENTS, VISITS, AWARE, PEOPLE, COHORT, "reached", "reached-by-cohort", "velocity"})


def has_any_key(figure: str) -> bool:
    """Whether the keys of a figure are words that somebody sends, of which there may be any number."""
    return figure.partition(":")[0] not in _FEW_KEYS


#: People who first reached a stage or one above it, by nothing (key empty), and by what led there. `{}` is the stage.
REACHED: Final = "reached:{}"
REACHED_BY_ASSET: Final = "reached-by-asset:{}"
REACHED_BY_FORM: Final = "reached-by-form:{}"
#: By the stage they came from and the whole days it took, as `lead:12`.
VELOCITY: Final = "velocity:{}"
#: By the month in which they became a lead, as its first day's number.
REACHED_BY_COHORT: Final = "reached-by-cohort:{}"
#: By free content that they had read before.
ASSISTED: Final = "assisted:{}"
#: By the way they took: the asset that made them a lead, a space, and a page that they had read before they got it.
PATHS: Final = "path:{}"

#: What a channel, or a campaign, is credited with by a model of attribution, in millionths of a person: `credit:{model}:{stage}`.
#: The models are first, last, linear, position and promoting; each of them adds up to the same total.
CREDIT: Final = "credit:{}:{}"
CAMPAIGN_CREDIT: Final = "campaign-credit:{}:{}"
WHOLE: Final = 1_000_000
MODELS: Final = ("first", "last", "linear", "position", "promoting")
