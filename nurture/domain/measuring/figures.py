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
#: Events of machines by name.
MACHINES: Final = "machines"
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
#: Forms sent, by form and the page that it was sent from, as `guide /guide`.
LANDED: Final = "landed"

#: People who were here on the day, by the day on which they had been here before: its number, or empty for those never seen. People of
#: any span of days: those of each day whose day before lies before the span.
PEOPLE: Final = "people"
#: The same by the Monday of the week of their first day (its number), and only on the first day of each week on which they were here:
#: the days of a week add up to the different people who were here in it.
COHORT: Final = "cohort"

#: Figures whose keys are few by what they are; those of all others are words that somebody sends.
_FEW_KEYS: Final = frozenset(
    {
        EVENTS,
        VISITS,
        AWARE,
        PEOPLE,
        COHORT,
        "reached",
        "reached-by-cohort",
        "velocity",
        "became",
        "became-by-channel",
        "outcome",
        "credit",
    }
)


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
#: By free content that they had read before: paths of pages and names of assets, of each person the last 50.
ASSISTED: Final = "assisted:{}"
#: By the way they took: the asset that made them a lead, a space, and a page that they had read before they got it.
PATHS: Final = "path:{}"

#: People by the day on which they became a lead, of whom each counts where they have got by now: so many of the leads of these days
#: ever reached `{}` or a stage above it. By nothing (key empty), and by the form, asset and channel (the last that was not direct)
#: by which they became a lead; nobody's form and asset is empty.
BECAME: Final = "became:{}"
BECAME_BY_FORM: Final = "became-by-form:{}"
BECAME_BY_ASSET: Final = "became-by-asset:{}"
BECAME_BY_CHANNEL: Final = "became-by-channel:{}"
#: People by the day on which sales first had them (stage sql or one above it), and by what has come of it: `won` reached the last
#: stage, `lost` stand below sql again or are disqualified, all others are `open`.
OUTCOME: Final = "outcome"

#: What a channel, or a campaign, is credited with by a model of attribution, in millionths of a person: `credit:{model}:{stage}`.
#: The models are first, last, linear, position and promoting; each of them adds up to the same total.
CREDIT: Final = "credit:{}:{}"
CAMPAIGN_CREDIT: Final = "campaign-credit:{}:{}"
WHOLE: Final = 1_000_000
MODELS: Final = ("first", "last", "linear", "position", "promoting")
