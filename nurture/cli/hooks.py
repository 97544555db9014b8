"""`nurture hooks`: the addresses that mail providers and CRMs are given, and what a recorded request comes to."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, clean, instant, print_json

if TYPE_CHECKING:
    from nurture.adapters.hooks.base import HookRefused
    from nurture.adapters.hooks.taking import Told
    from nurture.domain.answering import Answered
    from nurture.domain.mail.feedback import Feedback
    from nurture.domain.mail.hooks import Hook
    from nurture.settings import Settings
    from nurture.web.refusals import Refusal

app = typer.Typer(help="Webhooks by which others tell what became of mails and leads.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="A name in config/hooks.yaml.", show_default=False)]
File = Annotated[str, typer.Argument(metavar="FILE", help="The body of a request; - for standard input.", show_default=False)]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", metavar="'NAME: VALUE'", help="A header of the request; may be given several times."),
]
At = Annotated[str | None, typer.Option(metavar="INSTANT", help="When it came, such as 2026-03-02T09:00:00Z; without it: now.")]
Unsigned = Annotated[bool, typer.Option("--unsigned", help="Only read it; do not ask whose it is.")]


@app.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List the address of each hook, which is as good as a password, and what is to be set at the provider."""
    from nurture.adapters.hooks.taking import ADAPTERS

    settings = load_settings()
    told = [
        {
            "name": name, "provider": hook.provider,
            "url": _url(settings, name, hook),
            "there": ADAPTERS[hook.provider].there, "here": _secret_here(settings, hook),
        }
        for name, hook in _hooks(settings).items()
    ]  # fmt: skip
    if as_json:
        print_json(told)
        return
    for each in told:
        typer.echo(f"{each['name']}  {each['url']}")
        for line in aligned([("there", each["there"]), ("here", each["here"])]):
            typer.echo(line)
    if not told:
        typer.echo("there is no hook; config/hooks.yaml says how to add one")


@app.command(name="try")
def try_(
    source: Source, file: File, header: Headers = None, at: At = None, unsigned: Unsigned = False, as_json: AsJson = False
) -> None:  # fmt: skip
    """Say what a recorded request would come to, and store nothing. Exit code 1 if it is refused, or not all of it can be read."""
    from nurture import bootstrap
    from nurture.adapters.hooks.base import HookRefused
    from nurture.web.refusals import Refusal

    settings = load_settings()
    hook = _hooks(settings).get(source)
    if hook is None:
        raise typer.BadParameter("config/hooks.yaml has no such name", param_hint="SOURCE")
    moment = _instant(at) if at else bootstrap.clock(settings).now()
    try:
        told = _told(settings, source, hook, _body(file), _headers(header or []), moment, believed=unsigned)
    except (HookRefused, Refusal) as refusal:
        _tell_refusal(refusal, as_json=as_json)
        raise typer.Exit(1) from None
    _tell(told, as_json=as_json)
    raise typer.Exit(1 if told.rejected else 0)


def _hooks(settings: "Settings") -> "Mapping[str, Hook]":
    from nurture.definitions.config import HOOKS
    from nurture.definitions.loader import read_file
    from nurture.domain.mail.hooks import Hooks
    from nurture.errors import DefinitionError

    found = read_file(settings.config_dir / HOOKS, Hooks, optional=True)
    if found.value is None or found.flaws:
        raise DefinitionError(f"{settings.config_dir / HOOKS} is wrong; `nurture check` says where")
    hooks: Hooks = found.value
    return hooks.sources


def _url(settings: "Settings", name: str, hook: "Hook") -> str:
    from nurture.adapters.hooks.taking import key_of
    from nurture.adapters.tokens import Tokens

    return f"{settings.public_url}/hooks/{name}/{key_of(Tokens(settings.secret), name, hook.edition)}"


def _secret_here(settings: "Settings", hook: "Hook") -> str:
    if hook.provider == "ses":
        return f"believes {', '.join(hook.topics) or 'nobody: name its topics'}"
    known = hook.secret in settings.hook_secrets
    return f"the secret {hook.secret!r} is {'here' if known else 'missing: add it to NURTURE_HOOK_SECRETS'}"


def _told(
    settings: "Settings", name: str, hook: "Hook", body: bytes, headers: dict[str, str], at: Any, *, believed: bool
) -> "Told":  # fmt: skip
    from nurture.adapters.hooks.base import Access, Post
    from nurture.adapters.hooks.taking import ADAPTERS, read_post
    from nurture.adapters.hooks.visits import visit
    from nurture.adapters.tokens import Tokens
    from nurture.web.bodies import parse_json

    post = Post(headers, body, parse_json(body), at)
    secrets = settings.secrets_of_hooks.get(hook.secret or "", ())
    if not believed:
        ADAPTERS[hook.provider].check(post, Access(hook, secrets, visit, visit, _url(settings, name, hook)))
    return read_post(name, hook, post, Tokens(settings.secret, settings.former_secrets))


def _body(file: str) -> bytes:
    from pathlib import Path

    from nurture.errors import UnreadableFile

    if file == "-":
        return typer.get_binary_stream("stdin").read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{file} cannot be read ({error.strerror}); look at its name and its rights") from None


def _headers(written: list[str]) -> dict[str, str]:
    parts = [each.partition(":") for each in written]
    if any(not colon for _, colon, _ in parts):
        raise typer.BadParameter("write a header like 'X-Signature: abc'", param_hint="--header")
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def _instant(text: str) -> Any:
    from nurture.domain.mail.hook_reading import instant_of

    at = instant_of(text)
    if at is None:
        raise typer.BadParameter("write an instant like 2026-03-02T09:00:00Z", param_hint="--at")
    return at


def _tell_refusal(refusal: "HookRefused | Refusal", *, as_json: bool) -> None:
    place = f" ({refusal.field})" if refusal.field else ""
    if as_json:
        print_json({"status": refusal.status, "code": refusal.code, "field": refusal.field, "message": refusal.message})
    else:
        typer.echo(clean(f"refused, {refusal.status} {refusal.code}{place}: {refusal.message}"), err=True)


def _tell(told: "Told", *, as_json: bool) -> None:
    if as_json:
        heard = [each._asdict() for each in told.heard]
        passed = [each._asdict() for each in told.passed_over]
        answered = [each._asdict() for each in told.answered]
        rejected = [each._asdict() for each in told.rejected]
        print_json({"heard": heard, "answered": answered, "passed_over": passed, "rejected": rejected})
        return
    for line in aligned(_row(each) for each in told.heard):
        typer.echo(line)
    for line in aligned(_answer(each) for each in told.answered):
        typer.echo(line)
    for each in told.passed_over:
        typer.echo(f"  {clean(each.word) or 'a word that is missing'}: {'nothing that is kept' if each.known else 'not known'}")
    for one in told.rejected:
        typer.echo(clean(f"item {one.number}: {one.field} {one.message}"), err=True)


def _row(feedback: "Feedback") -> tuple[object, ...]:
    about = f"message {feedback.message}" if feedback.message is not None else feedback.recipient
    why = " ".join(str(each) for each in (feedback.fault, feedback.code, feedback.detail) if each)
    return (instant(feedback.at), feedback.kind, about, why)


def _answer(told: "Answered") -> tuple[object, ...]:
    about = f"person {told.person}" if told.person is not None else told.email or told.user_id
    return (instant(told.at), told.answer, about, told.reason, told.amount, told.currency)
