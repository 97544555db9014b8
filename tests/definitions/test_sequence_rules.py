"""What must fit together about sequences: each slip of the language's, its place marked by `»`, and what the marketer is told."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from nurture.definitions.loader import load
from tests.definitions.folders import FILES, marked, told, write
from tests.support.sequences import WORDS, Document, documents

HEAD = "sequence: nurture\ntrigger: {promoted_to: lead}\n"
POOLS = "pools:\n  evergreen: [{email: thanks}, {email: case, asset: guide}]\n"
OFFER = "  - {id: offer, pool: evergreen}\n"
ALL_STAGES = "audience, lead, mql, sql, opportunity, customer or disqualified"
OTHER = "sequence: other\ntrigger: manual\nsteps:\n  - {id: x, email: thanks}\n"


def steps(text: str) -> str:
    return f"{HEAD}steps:\n  - {{id: a, email: thanks}}\n{text}"


def head(text: str) -> str:
    return f"sequence: nurture\n{text}steps: [{{id: a, email: thanks}}]\n"


SLIPS = [
    # Keys and values that are misspelt
    (steps("  - {id: b, »waitfor: {event: x, within: 1d}}\n"), "unknown key 'waitfor'; did you mean 'wait_for'?"),
    (steps("  - {id: b, wait_for: {»evnt: x, within: 1d}}\n"), "unknown key 'evnt'; did you mean 'event'?"),
    (steps("  - {id: b, wait_for: {event: x, »witin: 1d}}\n"), "unknown key 'witin'; did you mean 'within'?"),
    (steps("  - {id: b, wait_for: {event: x, within: »0d}}\n"), "0d is no time for 'within'; write how long, such as 2d"),
    (steps("  - {id: b, wait_for: {event: x, since: »start, within: 1d}}\n"),
     "'start' is none of the choices here; write entry or step"),
    (steps("  - {id: b, wait_for: {event: x, within: 1d}, »on_time_out: []}\n"), "unknown key 'on_time_out'; did you mean 'on_timeout'?"),
    (steps("  - »{wait_for: {event: x, within: 5d}}\n  - branch: [{if: {happened: b}, then: [{id: c, email: thanks}]}]\n"),
     "'id' is missing here; add 'id: …' (the step's name; {happened: <id>} asks in a branch whether they did it)"),
    (steps("  - {id: b, wait_for: {event: x, within: »5 dys}}\n  - branch: [{if: {happened: b}, then: [{id: c, email: thanks}]}]\n"),
     "'5 dys' is no duration; write a number with w, d, h, m or s, such as 2d or 1d12h"),
    (steps("  - {id: b, wait_for: {»evnt: x, within: 5d}}\n  - branch: [{if: {happened: b}, then: [{id: c, email: thanks}]}]\n"),
     "unknown key 'evnt'; did you mean 'event'?"),
    (steps("  - {id: b, email: thanks, variants: {x: {»subjct: Hi}, y: {}}}\n"), "unknown key 'subjct'; did you mean 'subject'?"),
    (steps("  - {id: b, email: thanks, variants: {x: {weight: »0}, y: {subject: Hi}}}\n"), "0 is too small for 'weight'; write 1 or more"),
    (steps("  - {id: b, email: thanks, variants: »{x: {weight: 2}}}\n"), "'variants' is too short; give it at least 2 entries"),
    (steps("  - {id: b, »pol: evergreen}\n"), "unknown key 'pol'; did you mean 'pool'?"),
    (steps("  - {wait: {»busness_days: 3}}\n  - {id: b, email: thanks}\n"), "unknown key 'busness_days'; did you mean 'business_days'?"),
    (steps("  - {wait: {until: »mondy}}\n  - {id: b, email: thanks}\n"), "'mondy' names no weekday; did you mean 'monday'?"),
    (steps("  - {set: {plan: »[x]}}\n"), "an attribute holds one value; write a text, a number, true or false"),
    (steps("  - {set: »{}}\n"), "'set' is empty; give it at least one entry"),
    (steps("  - branch: [{»shar: 60, then: [{id: b, email: thanks}]}]\n"), "unknown key 'shar'; did you mean 'share'?"),
    (steps("  - branch: [»7]\n"), "this is no way out of a branch; write {if: …, then: […]}, {share: 30, then: […]} or {else: […]}"),
    (steps("  - »{branch: [{share: 60, then: [{id: b, email: thanks}]}, {share: 60}]}\n"),
     "the shares of this branch come to 120 of a hundred; lower them to 100 or less"),
    (steps("  - branch: [{share: 50, then: [{id: c, email: thanks}]}, {share: 50}, {»else: [{id: d, email: thanks}]}]\n"),
     "the shares before it come to a hundred, so nobody is left for 'else'; lower one of them, or delete it"),
    (head("trigger: {»promted_to: lead}\n"), "unknown key 'promted_to'; did you mean 'promoted_to'?"),
    (head("trigger: »manul\n"), "'manul' puts nobody on the sequence; did you mean 'manual'?"),
    (head("trigger: »weekly\n"),
     "'weekly' puts nobody on the sequence; write {promoted_to: lead}, {event: …}, {form: …}, {asset: …}, {enters: …}, {date: …, before: 1d}, or manual"),
    (head("trigger: {manual: »false}\n"), "false is none of the choices here; write true"),
    (head("trigger: {date: webinar_day, »befor: 1d}\n"), "unknown key 'befor'; did you mean 'before'?"),
    (head("trigger: {date: webinar_day, before: »90m, at: '09:00'}\n"),
     "'1h30m' is not in whole days, and 'at' names the time of day; write 1d, or delete 'at'"),
    (head("trigger: »{date: webinar_day, before: 1d, after: 1d}\n"), "'before' and 'after' contradict each other; keep one of them"),
    (head("trigger: manual\nenroll: »backfil\n"), "'backfil' does not say who enters; did you mean 'backfill'?"),
    (head("trigger: manual\nenroll: »backfill\n"),
     "a hand puts everybody on this sequence, so nobody of before is known; delete 'enroll', or name a cause"),
    (head("trigger: manual\nlate: »sned\n"), "'sned' is none of the choices here; did you mean 'send'?"),
    (head("trigger: manual\nlate: {»than: send}\n"), "unknown key 'than'; did you mean 'then'?"),
    (head("trigger: manual\nlate: {then: send, after: »0h}\n"), "0h is no time for 'after'; write how long, such as 2d"),
    (head("trigger: manual\npriority: »101\n"), "101 is too large for 'priority'; write 100 or less"),
    # Names in other files
    (steps("  - {id: b, pool: »evergren}\n" + OFFER), "unknown pool 'evergren'; did you mean 'evergreen'?"),
    (steps("  - {sequence: »othr}\n"), "unknown sequence 'othr'; did you mean 'other'?"),
    (steps("  - {sequence: »nurture}\n"), "somebody on this sequence cannot be put on it once more; name another one, or delete the step"),
    (steps("  - {score: »raed}\n"), "unknown scoring rule 'raed'; did you mean 'read'?"),
    (steps("  - {score: »10}\n"), "points stand in scoring.yaml; add a rule with 'points: 10' there, and write its id here"),
    (steps("  - {notify: »crm}\n"), "unknown endpoint 'crm'; add it to handoff.yaml, which names none"),
    (steps("  - {set: {stage: »mlq}}\n"), "unknown stage 'mlq'; did you mean 'mql'?"),
    (steps("  - {set: {stage: »3}}\n"), f"unknown stage 3; write {ALL_STAGES}"),
    (steps("  - {set: {»engagement: 3}}\n"),
     "'engagement' is no attribute; the engine counts it by the rules in scoring.yaml, so write a step {score: <rule>}"),
    (steps("  - {set: {»email: ana@acme.test}}\n"), "'email' is no attribute; people themselves tell their address, so delete it"),
    (head("trigger: {form: »guid}\n"), "unknown form 'guid'; did you mean 'guide'?"),
    (head("trigger: {asset: »guid}\n"), "unknown asset 'guid'; did you mean 'guide'?"),
    # What steps wait for, and who asks
    (steps("  - {id: b, wait_for: {event: x, message: »a, within: 1d}}\n  - {id: c, email: thanks}\n"),
     "no 'x' comes from a mail; delete 'message', or wait for email_clicked"),
    (steps("  - {id: b, wait_for: {event: email_clicked, message: »c, within: 1d}}\n  - {id: c, email: thanks}\n"),
     "step 'c' sends its mail only later; write a"),
    (steps("  - {id: b, wait_for: {event: email_clicked, message: »aa, within: 1d}}\n  - {id: c, email: thanks}\n"),
     "no step 'aa' sends a mail; did you mean 'a'?"),
    (f"{HEAD}steps:\n  - {{id: b, wait_for: {{event: email_clicked, message: »c, within: 1d}}}}\n  - {{id: c, email: thanks}}\n",
     "step 'c' sends its mail only later; no step before this one sends any, so delete 'message'"),
    (steps("  - {id: b, wait_for: {event: »email_opened, within: 1d}}\n  - {id: c, email: thanks}\n"),
     "warning: opens prove nothing (half of them are machines), so nothing ever comes of one; write email_clicked"),
    (steps("  - {id: b, wait_for: {event: »email_click, message: a, within: 1d}}\n  - {id: c, email: thanks}\n"),
     "warning: no event of the engine is called 'email_click'; did you mean 'email_clicked'?"),
    (steps("  - {id: b, wait_for: {event: asset_downloaded, where: {asset: »giude}, within: 1d}}\n  - {id: c, email: thanks}\n"),
     "unknown asset 'giude'; did you mean 'guide'?"),
    (steps("  - {id: b, wait_for: {event: x, where: »{n: {at_least: 3, below: 2}}, within: 1d}}\n  - {id: c, email: thanks}\n"),
     "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"),
    (steps("  - »{id: b, wait_for: {event: x, within: 1d}}\n"),
     "warning: this waits for nothing: no step follows and there is no goal to reach meanwhile; delete it"),
    (steps("  - branch: [{if: {happened: »a}, then: [{id: c, email: thanks}]}]\n"),
     "step 'a' sends a mail and waits for nothing; put {id: …, wait_for: {event: email_clicked, message: a, within: 4d}} behind it, and ask for that step"),
    (steps("  - branch: [{if: {happened: »b}, then: [{id: c, email: thanks}]}]\n  - {id: b, wait_for: {event: x, within: 1d}}\n  - {id: d, email: thanks}\n"),
     "step 'b' is not waited on before this one; move it before the branch"),
    (steps("  - {wait: 1d, id: rest}\n  - branch: [{if: {happened: »rest}, then: [{id: c, email: thanks}]}]\n"),
     "step 'rest' waits for no event; none is defined yet"),
    (head("trigger: manual\naudience: {happened: »a}\n"),
     "whether step 'a' happened is known inside a branch only; ask for the event: happened: {event: …}"),
    (head("trigger: {enters: {happened: »a}}\n"),
     "whether step 'a' happened is known inside a branch only; ask for the event: happened: {event: …}"),
    (head("trigger: {date: »stage}\n"), "'stage' holds no date; name the attribute of the person that does, such as webinar_day"),
    (steps("  - {wait: {date: »engagement, before: 1d}}\n  - {id: c, email: thanks}\n"),
     "'engagement' holds no date; name the attribute of the person that does, such as webinar_day"),
    (steps("  - {id: b, email: thanks, variants: {x: {}, »y: {weight: 3}}}\n"),
     "variant 'y' is written like 'x'; give it a subject, a preheader or an e-mail of its own"),
    # Ways that nobody takes
    (steps("  - {goto: z}\n  - »{id: b, email: thanks}\n  - {wait: 1d}\n  - {id: z, email: thanks}\n"),
     "this step is never reached: a 'goto' before it leads past it; delete it, or let a 'goto' lead to it"),
    (steps("  - branch: [{if: {stage: mql}, then: [{goto: z}]}, {else: [{goto: end}]}]\n  - »{id: b, email: thanks}\n  - {id: z, email: thanks}\n"),
     "this step is never reached: a 'goto' before it leads past it; delete it, or let a 'goto' lead to it"),
    (head("trigger: {enters: {stage: »leed}}\n"), "unknown stage 'leed'; did you mean 'lead'?"),
    (head("trigger: {enters: »{engagement: {at_least: 5, below: 3}}}\n"),
     "this condition contradicts itself and never holds; use 'any' where one of its parts is enough"),
    (head("trigger: {enters: {»path: /x}}\n"),
     "warning: 'path' is known of events, and this condition asks about the person; use 'where' beside 'on' for it"),
    (head("trigger: {enters: {happened: {event: »page_view}}}\n"),
     "warning: no event of the engine is called 'page_view'; did you mean 'page_viewed'?"),
    (head("trigger: {enters: {stage: lead}}\nexit: [»{stage: lead}]\n"),
     "everybody leaves at once: whoever enters fulfils this; narrow it, or delete it"),
    (head("trigger: {enters: {engagement: {at_least: 50}}}\nexit: [x, »{engagement: {at_least: 20}}]\n"),
     "everybody leaves at once: whoever enters fulfils this; narrow it, or delete it"),
    (head("trigger: manual\naudience: {stage: lead}\nexit: [»{stage: [lead, mql]}]\n"),
     "everybody leaves at once: whoever enters fulfils this; narrow it, or delete it"),
    (head("trigger: {enters: {engagement: {at_least: 50}}}\naudience: »{engagement: {below: 20}}\n"),
     "nobody can enter: the trigger asks for the opposite of this audience; change one of them"),
    # Windows
    (steps("  - {id: b, pool: evergreen, window: {hours: »'21:00-06:00'}}\n"),
     "this window never opens: the quiet hours 20:00-08:00 of sending.yaml cover 21:00-06:00; change one of them"),
    (steps("  - {id: b, pool: evergreen, window: {holidays: »XX}}\n"),
     "the holidays of 'XX' are not known; write a country's two letters, such as FR, GB or DE"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), SLIPS)
def test_a_slip_in_a_sequence(tmp_path: Path, text: str, message: str) -> None:
    text, expected = marked("sequences/nurture.yaml", text, message)
    needed = {"pools": POOLS} if "pool: evergreen" in text else {}
    folder = write(tmp_path, sequences__nurture=text, sequences__other=OTHER, **needed)
    assert told(folder) == expected
    assert (load(folder).definitions is None) is not message.startswith("warning: ")


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "pools:\n  evergreen: [{email: thanks}, {email: »thanks, asset: »giude}]\n",
            [
                "'thanks' stands in this pool already, and is mailed to nobody twice; delete one of the two",
                "unknown asset 'giude'; did you mean 'guide'?",
            ],
        ),
        ("pools:\n  evergreen: »[]\n", ["'evergreen' is empty; give it at least one entry"]),
        ("pools:\n  evergreen: [{»emal: x}]\n", ["unknown key 'emal'; did you mean 'email'?"]),
        ("»pool:\n  evergreen: [{email: x}]\n", ["unknown key 'pool'; did you mean 'pools'?"]),
        (
            POOLS + "  »others: [{email: x}]\n",
            ["warning: no step takes from the pool 'others'; write a step {id: …, pool: others}, or delete it"],
        ),
    ],
)
def test_a_slip_in_a_pool(tmp_path: Path, text: str, messages: list[str]) -> None:
    text, expected = marked("pools.yaml", text, *messages)
    assert told(write(tmp_path, sequences__nurture=steps(OFFER), pools=text)) == expected


def test_without_pools_none_is_known(tmp_path: Path) -> None:
    text, expected = marked(
        "sequences/nurture.yaml",
        steps(OFFER.replace("evergreen", "»evergreen")),
        "unknown pool 'evergreen'; pools.yaml defines none",
    )
    assert told(write(tmp_path, sequences__nurture=text)) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lifecycle", "promotions:\n  - {id: d, to: lead, on: x}\n  - {id: h, to: mql, when: {happened: »interest}}\n"),
        ("scoring", "fit:\n  - {id: boss, when: {not: {happened: »interest}}, points: 60}\n"),
    ],
)
def test_what_came_of_a_step_is_asked_in_its_sequence_only(tmp_path: Path, name: str, text: str) -> None:
    message = (
        "whether step 'interest' happened is known inside a branch of its sequence only; ask for the event: happened: {event: …}"
    )
    text, expected = marked(f"{name}.yaml", text, message)
    assert [each for each in told(write(tmp_path, **{name: text})) if each.file == f"{name}.yaml"] == expected


@pytest.mark.parametrize(
    ("reentry", "severity", "why"),
    [
        (
            "",
            "warning: ",
            "so people go round as often as 'reentry' lets them in; delete one of the two steps, unless that is meant",
        ),
        ("reentry: after_exit\n", "", "so people would go round without end; delete one of the two steps"),
    ],
)
def test_sequences_that_lead_round_and_round(tmp_path: Path, reentry: str, severity: str, why: str) -> None:
    """With a pause between two rounds it may be meant; without one the engine would never come to an end."""
    text = "trigger: manual\n" + reentry + "steps: [{id: a, email: thanks}, {sequence: »"
    one, expected = marked(
        "sequences/nurture.yaml", f"sequence: nurture\n{text}other}}]\n", f"{severity}'other' leads back to this sequence, {why}"
    )
    other, also = marked(
        "sequences/other.yaml", f"sequence: other\n{text}nurture}}]\n", f"{severity}'nurture' leads back to this sequence, {why}"
    )
    assert told(write(tmp_path, sequences__nurture=one, sequences__other=other)) == [*expected, *also]


def test_clicks_that_nobody_counts_are_not_waited_for(tmp_path: Path) -> None:
    text, expected = marked(
        "sequences/nurture.yaml",
        steps("  - {id: b, wait_for: {event: »email_clicked, message: a, within: 1d}}\n  - {id: c, email: thanks}\n"),
        "warning: clicks are not counted (tracking in sending.yaml), so nobody is seen to click; write 'clicks: true' there",
    )
    sending = FILES["sending.yaml"] + "tracking: {clicks: false}\n"
    assert told(write(tmp_path, sequences__nurture=text, sending=sending)) == expected


def test_no_points_are_given_for_an_open(tmp_path: Path) -> None:
    scoring, expected = marked(
        "scoring.yaml",
        "rules: [{id: open, on: »email_opened, points: 1}]\nfit: [{id: looked, when: {»last_opened: {exists: true}}, points: 60}]\n",
        "opens prove nothing (half of them are machines), so nothing ever comes of one; write email_clicked",
        "opens are worth nothing: 'last_opened' may stop mail, not move anybody; ask for what people do",
    )
    sending = FILES["sending.yaml"] + "tracking: {opens: hygiene}\n"
    assert told(write(tmp_path, scoring=scoring, sending=sending)) == expected


@pytest.mark.parametrize("opens", ["off", "hygiene"])
def test_the_last_open_may_stop_mail_where_it_is_kept(tmp_path: Path, opens: str) -> None:
    text, expected = marked(
        "sequences/nurture.yaml",
        head("trigger: {promoted_to: lead}\nexit: [{»last_opened: {exists: false}}]\n"),
        "warning: 'last_opened' is not kept, so it is never known; write 'tracking: {opens: hygiene}' in sending.yaml",
    )
    sending = FILES["sending.yaml"] + f"tracking: {{opens: {opens}}}\n"
    assert told(write(tmp_path, sequences__nurture=text, sending=sending)) == (expected if opens == "off" else [])


def test_every_email_that_is_named_must_be_written(tmp_path: Path) -> None:
    """Whether a step names it, a variant, or a pool."""
    text, in_steps = marked(
        "sequences/nurture.yaml",
        f"{HEAD}steps:\n  - {{id: a, email: »one, variants: {{x: {{}}, y: {{email: »two}}}}}}\n{OFFER}",
        "nobody wrote 'one'; write it",
        "nobody wrote 'two'; write it",
    )
    pools, in_pools = marked("pools.yaml", "pools:\n  evergreen: [{email: »three}]\n", "nobody wrote 'three'; write it")
    folder = write(tmp_path, sequences__nurture=text, pools=pools)
    found = told(
        folder, lambda definitions: [(name, 0, f"nobody wrote {name!r}; write it") for name in sorted({*definitions.emails()})]
    )
    assert found == [*in_pools, *in_steps]


@pytest.mark.parametrize(
    "text",
    [
        head("trigger: {date: webinar_day, before: 1d, at: '09:00'}\nenroll: backfill\n"),
        head("trigger: {form: guide}\nenroll: {backfill: 30d}\n"),
        head("trigger: {enters: {stage: lead}}\nexit: [{stage: [mql, sql]}]\naudience: {country: FR}\n"),
        head("trigger: manual\naudience: {stage: lead}\nexit: [{stage: mql}]\n"),
        steps("  - {score: read}\n  - {set: {stage: mql, plan: gold}}\n  - {sequence: other}\n"),
        steps("  - {id: b, wait_for: {event: [email_clicked, x], message: a, within: 1d}}\n  - {id: c, email: thanks}\n"),
        steps("  - {goto: end}\n"),
        f"{HEAD}steps: [{{set: {{plan: gold}}}}]\n",  # it mails nothing, and does something
        steps("  - branch: [{if: {stage: lead, happened: b}, then: [{id: c, email: thanks}]}, {if: {stage: lead}, then: [{id: d, email: thanks}]}]\n")
        .replace("  - branch", "  - {id: b, wait_for: {event: x, within: 1d}}\n  - branch"),
    ],
)  # fmt: skip
def test_what_is_no_slip(tmp_path: Path, text: str) -> None:
    assert told(write(tmp_path, sequences__nurture=text, sequences__other=OTHER)) == []


_HARMLESS = ("this step is never reached", "these steps are never reached", "this branch changes nothing", "this waits for nothing",
             "this sequence sends no e-mail", "this condition contradicts itself", "everybody leaves at once", "nobody can enter",
             "variant 'b' is written like 'a'", "no promotion in lifecycle.yaml leads to", "this window never opens",
             "nobody is ever promoted to")  # fmt: skip


@settings(max_examples=60)
@given(document=documents())
def test_whatever_is_valid_is_checked(tmp_path_factory: pytest.TempPathFactory, document: Document) -> None:
    """Random sequences may do nothing, or in vain; of names and places that are right, none is called wrong."""
    folder = write(
        tmp_path_factory.mktemp("random"),
        scoring="rules: [{id: article, on: x, points: 1}, {id: download, on: x, points: 1}, {id: careers, on: x, points: 1}]\n",
        handoff="endpoints:\n" + "".join(
            f"  {name}: {{url: 'https://{name}.example.com/x', stages: [sql], secret: {name}}}\n" for name in WORDS.endpoints
        ),
        pools="pools:\n" + "".join(f"  {name}: [{{email: {name}}}]\n" for name in WORDS.pools),
        sequences__alpha=json.dumps(document),
    )  # fmt: skip
    (folder / "sequences/nurture.yaml").unlink()
    known = [each.text.removeprefix("warning: ") for each in told(folder) if each.file == "sequences/alpha.yaml"]
    assert [text for text in known if not text.startswith(_HARMLESS)] == []
