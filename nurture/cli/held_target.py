"""What `nurture pause`, `resume` and `drain` are about: `queue mail`, `sequence guide`, `domain gmail.com`,
`endpoint crm`, `all`, or a sequence alone.
"""

from typing import Annotated, Literal, NamedTuple

import typer

#: Which kind of thing; a word that is none of these is a sequence.
KINDS = ("sequence", "queue", "domain", "endpoint", "all")

What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        show_default=False,
        help="sequence, queue, domain, endpoint or all; or the name of a sequence, which is meant most often.",
    ),
]
Name = Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False, help="Which one; none for all.")]


class Target(NamedTuple):
    """What is held, or goes on."""

    kind: Literal["sequence", "queue", "domain", "endpoint", "all"]
    name: str

    @property
    def words(self) -> str:
        """As it is typed."""
        return "all" if self.kind == "all" else f"{self.kind} {self.name}"

    @property
    def told(self) -> str:
        """As it is told."""
        by_kind = {"all": "everything", "domain": f"mail to {self.name}"}
        return self.name if self.kind == "sequence" else by_kind.get(self.kind, f"the {self.kind} {self.name}")


def target(what: str, name: str | None) -> Target:
    """What two words mean; raises BadParameter with what to write instead."""
    from nurture.domain.holds import EVERYTHING

    if what == "all":
        if name is not None:
            raise typer.BadParameter(
                f"`all` needs no name; a sequence of this name is `sequence all`, not `all {name}`", param_hint="NAME"
            )
        return Target("all", EVERYTHING)
    if what in KINDS and name is None:
        raise typer.BadParameter(f"say which {what}; a sequence of this name is `sequence {what}`", param_hint="NAME")
    match what:
        case "queue":
            return Target("queue", _queue(str(name)))
        case "domain":
            return Target("domain", domain(str(name)))
        case "sequence" | "endpoint":
            return Target(what, str(name))
    if name is not None:
        from nurture.domain.wording import instead

        raise typer.BadParameter(f"{what!r} is nothing that can be held; {instead(what, KINDS)}", param_hint="WHAT")
    return Target("sequence", what)


def _queue(name: str) -> str:
    from nurture.adapters.broker import QUEUES
    from nurture.domain.wording import instead

    if name not in QUEUES:
        raise typer.BadParameter(f"there is no queue {name!r}; {instead(name, QUEUES)}", param_hint="NAME")
    return name


def domain(name: str) -> str:
    """A recipient domain, or the name of a family of servers; raises BadParameter for what is neither."""
    from nurture.domain.mail.delivery import domain_of
    from nurture.domain.mail.families import FAMILIES

    found = domain_of(name.strip().rstrip("."))
    if "@" in name or not ("." in found or found in FAMILIES) or " " in found or len(found) > 253:  # noqa: PLR2004 - RFC 1035
        text = f"{name!r} is no domain; write one such as gmail.com, or a family of servers such as gmail"
        raise typer.BadParameter(text, param_hint="NAME")
    return found


def meant(found: Target) -> str:
    """What somebody may have meant who named a sequence that there is not, as the end of a sentence; empty if nothing is at hand."""
    from nurture.adapters.broker import QUEUES

    if found.kind != "sequence":
        return ""
    other = "queue" if found.name in QUEUES else "domain" if "." in found.name else None
    return f" For the {other}, say `{other} {found.name}`." if other else ""
