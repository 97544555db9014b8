"""`nurture keys`: the keys that tell the sources of events apart and say how far each is believed, and the secrets of hand-offs."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.common import load_settings
from nurture.cli.printing import aligned, print_json

if TYPE_CHECKING:
    from nurture.settings import Settings

app = typer.Typer(help="List the keys, or make one.", invoke_without_command=True)

Handoff = Annotated[bool, typer.Option("--handoff", help="A secret that signs hand-offs.")]

#: So much of a secret key is shown: enough to tell two apart.
_SHOWN = 4


@app.callback()
def keys(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:  # fmt: skip
    """List the keys: the name that events bear, the kind, the key (of a secret one its end), and where it may be used."""
    if context.invoked_subcommand is None:
        known = _known(load_settings())
        if as_json:
            print_json(known)
            return
        for line in aligned([(each["name"], each["kind"], each["key"], _where(each)) for each in known]):
            typer.echo(line)


def _known(settings: "Settings") -> list[dict[str, Any]]:
    public = [
        {
            "name": name, "kind": "public", "key": key, "former": key != each.key,
            "origins": None if each.origins is None else sorted(each.origins),
        }
        for name, each in settings.write_keys.items()
        for key in (each.key, *each.former)
    ]  # fmt: skip
    secret = [
        {"name": name, "kind": "secret", "key": f"sk_…{key[-_SHOWN:]}", "former": key != keys[0]}
        for name, keys in settings.server_keys.items()
        for key in keys
    ]
    handoff = [
        {"name": name, "kind": "handoff", "key": f"{_beginning(each)}…{each[-_SHOWN:]}", "former": each != several[0]}
        for name, several in settings.webhook_secrets.items()
        for each in several
    ]
    return [*public, *secret, *handoff]


def _beginning(secret: str) -> str:
    from nurture.keys import FOR_WEBHOOKS

    return FOR_WEBHOOKS if secret.startswith(FOR_WEBHOOKS) else ""


def _where(key: dict[str, Any]) -> str:
    if key["kind"] == "secret":
        where = "servers only"
    elif key["kind"] == "handoff":
        where = "signs hand-offs" if key["key"].startswith("whsec_") else "a token of another system"
    else:
        where = "pages of any origin" if key["origins"] is None else ", ".join(key["origins"])
    return f"{where}; to be given up" if key["former"] else where


@app.command()
def new(
    secret: Annotated[
        bool, typer.Option("--secret", help="A secret key, for a server whose word about people is believed.")
    ] = False,
    handoff: Handoff = False,
) -> None:
    """Print a fresh public key, a secret one, or what signs hand-offs; it counts once the setting that is named holds it."""
    from nurture.keys import new_secret_key, new_webhook_secret, new_write_key
    from nurture.settings import variable

    if secret and handoff:
        raise typer.BadParameter("one at a time: --secret or --handoff")
    if handoff:
        typer.echo(new_webhook_secret())
        typer.echo(
            f'Give it a name in {variable("handoff_secrets")}, such as {{"crm": "whsec_…"}}, restart the workers, and give it to the '
            "system that is called, which verifies the calls by it.",
            err=True,
        )
        return
    if secret:
        typer.echo(new_secret_key())
        typer.echo(
            f'Give it a name of its own in {variable("secret_keys")}, such as {{"crm": "sk_…"}}, and restart the web processes. '
            "Only the server that sends with it may know it.",
            err=True,
        )
        return
    key = new_write_key()
    typer.echo(key)
    example = json.dumps({**_written(load_settings()), "NAME": key})
    typer.echo(f"Give it a name and restart the web processes: {variable('write_keys')}='{example}'", err=True)


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(help="The name of the key, as `nurture keys` lists it.")], handoff: Handoff = False
) -> None:
    """Print a fresh key that takes the place of another. Both count, under one name, until the old one is taken out."""
    from nurture.keys import new_secret_key, new_write_key
    from nurture.settings import variable

    settings = load_settings()
    if handoff or name not in settings.write_keys | settings.server_keys:
        _rotate_handoff(settings, name)
        return
    public = settings.write_keys.get(name)
    if public is not None:
        key = new_write_key()
        turned = public.model_copy(update={"key": key, "former": (public.key, *public.former)})
        value = json.dumps({**_written(settings), name: turned.model_dump(mode="json")})
        how = f"{variable('write_keys')}='{value}'"
        last = "once no page and no app shows the old one, take it out of `former`"
    else:
        key = new_secret_key()
        how = f'in {variable("secret_keys")} make {name} a list, the new key first: ["{key[:5]}…", "sk_…{settings.server_keys[name][0][-_SHOWN:]}"]'
        last = "give the new one to the server, then take the old one out of the list"
    typer.echo(key)
    typer.echo(f"1. {how}\n2. restart the web processes: now both count, as the same source\n3. {last}", err=True)


def _rotate_handoff(settings: "Settings", name: str) -> None:
    from nurture.keys import FOR_WEBHOOKS, new_webhook_secret
    from nurture.settings import variable

    several = settings.webhook_secrets.get(name)
    if several is None:
        raise typer.BadParameter(
            f"there is no key of this name; there are {', '.join(each['name'] for each in _known(settings))}"
        )
    if not several[0].startswith(FOR_WEBHOOKS):
        raise typer.BadParameter(
            f"{name} is a token of another system: let that system make a new one, and put it first in its list"
        )
    key = new_webhook_secret()
    typer.echo(key)
    typer.echo(
        f'1. in {variable("handoff_secrets")} make {name} a list, the new one first: ["{key[:8]}…", "whsec_…{several[0][-_SHOWN:]}"]\n'
        "2. restart the workers: now every call bears a signature by each\n"
        "3. give the new one to the system that is called; once it verifies by that, take the old one out of the list",
        err=True,
    )


def _written(settings: "Settings") -> dict[str, Any]:
    return {name: each.model_dump(mode="json") for name, each in settings.write_keys.items()}


class _Kind(StrEnum):
    RSA = "rsa"
    ED25519 = "ed25519"


@app.command()
def dkim(
    selector: Annotated[str, typer.Option(help="Under which name the DNS has the public key, such as n2026.")],
    domain: Annotated[str | None, typer.Option(help="Whose mail it signs; without it, the sender's in sending.yaml.")] = None,
    kind: Annotated[_Kind, typer.Option(help="ed25519 is shorter; not every mailbox provider can check it yet.")] = _Kind.RSA,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the pair of keys that signs mail, or read it if it is there, and print the record that the DNS must have."""
    from pydantic import ValidationError

    from nurture.adapters.mail.signing import make_key, public_record, read_key, zone_line
    from nurture.domain.mail.marks import Dkim

    settings = load_settings()
    try:
        policy = Dkim(domain=domain or _sender_domain(settings), selector=selector)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise typer.BadParameter(f"{wrong['input']!r} cannot stand in the DNS", param_hint=f"--{wrong['loc'][0]}") from None
    path = settings.dkim_folder / policy.key_file
    there = path.exists()
    if not there:
        make_key(path, kind.value)
    record = public_record(read_key(path))
    line = zone_line(policy.selector, policy.domain, record)
    if as_json:
        print_json({"file": str(path), "made": not there, "name": line.split()[0], "record": record})
        return
    typer.echo(line)
    written = f"dkim: {{domain: {policy.domain}, selector: {policy.selector}}}"
    typer.echo(
        f"The private key {'lies' if there else 'now lies'} in {path}. Once the DNS has the record above, write '{written}' "
        "into sending.yaml.",
        err=True,
    )


def _sender_domain(settings: "Settings") -> str:
    from nurture.definitions.loader import load
    from nurture.errors import DefinitionError

    definitions = load(settings.config_dir).definitions
    if definitions is None:
        raise DefinitionError(f"{settings.config_dir} says of no sender; name --domain, or see what `nurture check` says")
    return definitions.sending.sender.email.rpartition("@")[2]
