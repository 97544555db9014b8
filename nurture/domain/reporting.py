"""How figures are kept and told: by whose clock a day begins, in which currency, and who counts as ready to buy."""

from typing import Annotated, Final

from pydantic import Field

from nurture.domain.lifecycle import Lifecycle
from nurture.domain.mail.sending import BusinessZone
from nurture.domain.model import Definition

CURRENCY_PATTERN: Final = r"^[A-Z]{3}$"

#: From here on somebody counts as hot where no rule of config/lifecycle.yaml says what a high score is.
_HOT: Final = 50.0

#: A name of the brand, as somebody would type it into a search engine.
BrandName = Annotated[str, Field(min_length=2, max_length=64)]


class Reporting(Definition):
    """config/reporting.yaml: what the figures of `nurture report` rest on."""

    timezone: BusinessZone | None = None
    """Whose midnight ends a day: an IANA zone such as Europe/Paris; that of config/sending.yaml if nothing stands here. After a change run 'nurture report rebuild'."""
    currency: Annotated[str, Field(pattern=CURRENCY_PATTERN)] = "EUR"
    """The currency of costs and of what is spent, by its three letters (ISO 4217)."""
    brand: tuple[BrandName, ...] = ()
    """How people call you: a search or a campaign that holds one of these names is a branded one, whatever its capitals. After a change run 'nurture report rebuild'."""
    hot: Annotated[float, Field(gt=0)] | None = None
    """The engagement from which somebody counts as in the market now; the lowest that a promotion of config/lifecycle.yaml asks for if nothing stands here, or 50."""


def lowest_heat_asked_for(lifecycle: Lifecycle) -> float:
    """The lowest engagement that is enough for a promotion."""
    asked = (
        operand.get("at_least")
        for rule in lifecycle.promotions if rule.when is not None
        for place, operand in rule.when.questions() if place[-1] == "engagement" and "not" not in place and isinstance(operand, dict)
    )  # fmt: skip
    return min((float(points) for points in asked if isinstance(points, int | float)), default=_HOT)
