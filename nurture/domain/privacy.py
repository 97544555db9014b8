"""What is kept of people who have not agreed to be followed, or who object to it."""

from typing import Literal

from nurture.domain.model import Definition

#: What must be said before an event may tell who somebody is.
ConsentMode = Literal["open", "opt_in", "gpc_optout"]


class Privacy(Definition):
    """config/privacy.yaml: how people's wish to be followed, or not, is heeded."""

    consent: ConsentMode = "open"
    """Without consent an event is counted and tells nobody's name. open: everybody is followed who does not say no; gpc_optout: so is everybody but those whose browser objects (Sec-GPC, DNT); opt_in: only those are who said yes."""
