"""Which stages figures are told of."""

from nurture.domain.lifecycle import Lifecycle


def reached(lifecycle: Lifecycle) -> tuple[str, ...]:
    """All stages that somebody can reach, and not merely begin in."""
    return lifecycle.stages[1:]


def milestones(lifecycle: Lifecycle) -> tuple[str, ...]:
    """Those that say most where there is no room for all: the first two that somebody can reach, and the last."""
    above = reached(lifecycle)
    return tuple(dict.fromkeys((*above[:2], above[-1])))
