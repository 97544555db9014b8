"""Everything a case can say, said once so that it holds and once so that it does not."""

from datetime import datetime

import pytest

from nurture.domain.definitions import Definitions
from nurture.errors import TemplateError
from nurture.ports import Letter, Written
from tests.support.cases import ANA, differences, tried, wider
from tests.support.definitions import SENDING


def expecting(expected: str, given: str = "", until: str = "20d") -> str:
    acts = "".join(f"  - {line}\n" for line in given.splitlines() if line)
    return f"{ANA}\ngiven:\n  - {{at: 0m, form: guide, fields: {{}}}}\n{acts}until: {until}\nexpect:\n  {expected}\n"


HOLDS = [
    "mails: [thanks, case, reminder]",
    "mails: [{step: thanks, at: 0m}, {step: guide-nurture/case, at: 2d}, {step: reminder, at: 2d}]",
    "mails: [thanks, {step: case, at: 2026-03-04T09:00}, reminder]",
    "mails: [thanks, {step: case, at: 2026-03-04T08:00Z}, reminder]",
    "mails: [thanks, {step: case, on: wed, between: '09:00-18:00', email: case-study}, reminder]",
    "mails: [thanks, {step: case, on: 'tue,wed', between: '08:00-09:01'}, {step: reminder, between: '22:00-10:00'}]",
    "no_mail_on: sat,sun",
    "no_mail_on: [sat, sun]",
    "stage: lead",
    "stage: {at: 1d, is: lead}",
    "stage: [{at: 0m, is: lead}, lead]",
    "score: {at: 1h, between: [20, 20]}",
    "score: [{at: 1h, at_least: 19.5}, {at: 1h, at_most: 20}]",
    "entered: [guide-nurture]",
    "ended: {sequence: guide-nurture}",
    "ended: [{sequence: guide-nurture, reason: end}]",
    "at_most: {mails: 3, per: 3d}",
    "at_most: [{mails: 2, per: 2d}, {mails: 2, per: 1h}]",
    "notified: []",
]


@pytest.mark.parametrize("expected", HOLDS)
def test_what_is_so_is_expected_rightly(expected: str) -> None:
    assert differences(expecting(expected)) == []


FAILS = [
    ("mails: []", ["+ thanks, Mon 2 Mar 09:00 (0m)", "+ case, Wed 4 Mar 09:00 (2d)", "+ reminder, Wed 4 Mar 09:00 (2d)"]),
    (
        "mails: [thanks, demo, reminder]",
        ["  thanks, Mon 2 Mar 09:00 (0m)", "- demo", "+ case, Wed 4 Mar 09:00 (2d)", "  reminder, Wed 4 Mar 09:00 (2d)"],
    ),
    (
        "mails: [thanks, case, reminder, demo]",
        ["  thanks, Mon 2 Mar 09:00 (0m)", "  case, Wed 4 Mar 09:00 (2d)", "  reminder, Wed 4 Mar 09:00 (2d)", "- demo"],
    ),
    ("mails: [thanks, {step: case, at: 2d2m}, reminder]", ["- case, at 2d2m", "+ case, Wed 4 Mar 09:00 (2d)"]),
    (
        "mails: [thanks, {step: case, at: 2026-03-04T09:05}, reminder]",
        ["- case, at 2026-03-04 09:05", "+ case, Wed 4 Mar 09:00 (2d)"],
    ),
    ("mails: [thanks, {step: case, on: thu}, reminder]", ["- case, on thu", "+ case, Wed 4 Mar 09:00 (2d)"]),
    (
        "mails: [thanks, {step: case, between: '09:01-18:00'}, reminder]",
        ["- case, between 09:01-18:00", "+ case, Wed 4 Mar 09:00 (2d)"],
    ),
    (
        "mails: [thanks, {step: case, email: other}, reminder]",
        ["- case, the e-mail other", "+ case, the e-mail case-study, Wed 4 Mar 09:00 (2d)"],
    ),
    (
        "mails: [thanks, {step: case, variant: a}, reminder]",
        ["- case, variant a", "+ case, variant none, Wed 4 Mar 09:00 (2d)"],
    ),
    ("no_mail_on: mon", ["- no mail on mon", "+ thanks, Mon 2 Mar 09:00 (0m)"]),
    ("stage: mql", ["- stage mql", "+ stage lead"]),
    ("stage: [lead, {at: 1d, is: mql}]", ["- stage mql", "+ stage lead"]),
    ("score: {at: 1h, between: [21, 40]}", ["- score from 21 to 40", "+ score 20.00"]),
    ("score: {at: 1h, at_least: 21}", ["- score 21 or more", "+ score 20.00"]),
    ("score: {at: 1h, at_most: 19}", ["- score 19 or less", "+ score 20.00"]),
    ("entered: []", ["- enters nothing", "+ enters guide-nurture"]),
    ("ended: {sequence: later}", ["- later is over", "+ later was never entered"]),
    (
        "ended: {sequence: guide-nurture, reason: unsubscribed}",
        ["- guide-nurture is over (unsubscribed)", "+ guide-nurture is over (end), Wed 4 Mar 09:00"],
    ),
    ("at_most: {mails: 2, per: 3d}", [
        "- at most 2 mails in 3d", "+ thanks, Mon 2 Mar 09:00 (0m)", "+ case, Wed 4 Mar 09:00 (2d)", "+ reminder, Wed 4 Mar 09:00 (2d)",
    ]),
    ("skipped: {step: case}", ["- case is not sent", "+ case, Wed 4 Mar 09:00 (2d)"]),
    ("skipped: {step: demo}", ["- demo is not sent", "+ the step demo was never taken"]),
    ("deferred: {step: case, reason: capped}", ["- case is put off (capped)", "+ case, Wed 4 Mar 09:00 (2d)"]),
    ("known: {nurtured: true}", ["- nurtured: True", "+ nurtured is not known"]),
    ("known: {timezone: Asia/Tokyo}", ["- timezone: Asia/Tokyo", "+ timezone: Europe/Paris"]),
    ("notified: [crm]", ["- tells crm", "+ tells nothing"]),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "diff"), FAILS, ids=[expected for expected, _ in FAILS])
def test_what_is_not_so_is_told_as_a_diff(expected: str, diff: list[str]) -> None:
    assert differences(expecting(expected)) == [tuple(diff)]


def test_nobody_who_was_never_heard_of_is_anywhere() -> None:
    assert differences("person: {email: ana@acme.example}\ngiven: [{at: 0m, expect: {stage: lead}}]\nuntil: 1d") == [
        ("- stage lead", "+ nobody has heard of them")
    ]


PLAYED = {
    "a form that sends people to its asset brings the download, unless they do not follow": """
        given: [{at: 0m, form: guide, downloads: false}, {at: 5m, expect: {stage: audience}}, {at: 1h, download: guide}]
        until: 2h
        expect: {stage: lead, mails: [{step: thanks, at: 1h}]}
    """,
    "what is typed may differ from who they are": """
        given: [{at: 0m, form: guide, fields: {job_title: Student, consent: false}}]
        until: 1h
        expect: {known: {job_title: Student}}
    """,
    "a mail's link is opened after the mail": """
        given: [{at: 0m, form: mailed, fields: {first_name: Ana}}, {at: 1m, enroll: later}, {after: hello, in: 1h, download: guide, from: hello}]
        until: 2h
        expect: {stage: lead, entered: [later, guide-nurture]}
    """,
    "pages are seen by their path or their whole address": """
        given:
          - {at: 0m, form: guide}
          - {at: 1m, page: /pricing, properties: {plan: gold}}
          - {at: 2m, page: "https://www.example.com/pricing?utm_source=x"}
        until: 1h
        expect: {score: {between: [39.9, 40]}}
    """,
    "events of one's own are told by the browser on a page, or by a server": """
        given:
          - {at: 0m, form: guide}
          - {at: 1m, event: demo_requested, page: /demo, properties: {size: 3}}
          - {at: 1d, event: trial_started, by: server}
        until: 2d
        expect: {stage: sql, ended: {sequence: guide-nurture, reason: "goal: demo_requested"}}
    """,
    "a server may be the first to know somebody": """
        given: [{at: 0m, event: demo_requested, by: server}, {at: 1m, identify: {timezone: Europe/Paris}}]
        until: 1h
        expect: {stage: sql}
    """,
    "what a server tells decides when a mail goes": """
        given: [{at: 0m, identify: {webinar_day: 2026-03-12, timezone: Europe/Paris}}, {at: 1m, enroll: later}]
        until: 20d
        expect:
          mails: [hello, {step: last, at: 2026-03-11T09:00}]
          known: {nurtured: true, webinar_day: 2026-03-12}
          notified: [crm]
    """,
    "sales sends somebody back": """
        given: [{at: 0m, form: guide}, {at: 1h, reject: no budget}]
        until: 2h
        expect: {stage: audience}
    """,
    "a reader's click scores, a scanner's does not": """
        given:
          - {at: 0m, form: guide}
          - {after: thanks, in: 1m, click: thanks, by: machine}
          - {at: 2m, expect: {score: {at_most: 20}}}
          - {after: thanks, in: 3m, click: guide-nurture/thanks, to: /blog/x}
        until: 1h
        expect: {score: {at_least: 20}}
    """,
    "who unsubscribes gets no more mail, and what was queued is skipped": """
        given: [{at: 0m, form: guide}, {after: thanks, in: 1d, unsubscribe: true}]
        until: 20d
        expect: {mails: [thanks], ended: {sequence: guide-nurture, reason: unsubscribed}}
    """,
    "looks may stand after a mail, and name a moment of their own": """
        given: [{at: 0m, form: guide}, {after: case, in: 1m, expect: {mails: [thanks, case, reminder], stage: {at: 1d, is: lead}}}]
        until: 20d
    """,
}


@pytest.mark.parametrize("case", PLAYED)
def test_what_people_do_has_its_effect(case: str) -> None:
    assert differences(f"        {ANA}{PLAYED[case]}") == []


def test_several_people_act_each_by_themselves_and_at_the_same_time() -> None:
    outcome = tried("""
        people:
          ana:
            person: {email: ana@acme.example, timezone: Europe/Paris}
            given: [{at: 0m, form: guide}]
            expect: {mails: [thanks, {step: case, at: 2d}, reminder]}
          bob:
            person: {email: bob@acme.example, timezone: Asia/Tokyo}
            given: [{at: 0m, form: guide}, {at: 1h, event: demo_requested}]
            expect: {mails: [thanks], no_mail_on: tue, stage: mql}
        until: 20d
    """)
    assert [(failure.who, failure.place, failure.diff) for failure in outcome.failures] == [
        ("bob", ("people", "bob", "expect", "stage"), ("- stage mql", "+ stage sql"))
    ]
    assert [seen.stage for seen in outcome.seen] == ["lead", "sql"]


def test_another_seed_is_somebody_else() -> None:
    """Draws fall by who somebody is; the same seed gives the same draw every time."""
    drawn = [
        tried(
            f"{ANA}\nseed: {seed}\ngiven: [{{at: 0m, page: /}}, {{at: 1m, enroll: later}}]\nuntil: 1h\nexpect: {{entered: [later]}}"
        )
        for seed in (*range(8), *range(8))
    ]
    variants = [outcome.seen[0].sent[0].variant for outcome in drawn]
    assert variants[:8] == variants[8:]
    assert set(variants) == {"a", "b"}
    assert all(not outcome.failures for outcome in drawn)


def test_mails_that_wait_or_do_not_go() -> None:
    strict = wider(sending={**SENDING, "frequency_cap": {"messages": 1, "per": "9d"}})
    leaves = "{after: thanks, in: 3d, unsubscribe: true}"
    held = "deferred: {step: case, reason: capped}\n  skipped: [{step: case, reason: suppressed}]\n  mails: [thanks]"
    assert differences(expecting(held, leaves), strict) == []
    assert differences(expecting("skipped: {step: case, reason: too_late}", leaves), strict) == [
        ("- case is not sent (too_late)", "+ case is not sent (suppressed), Thu 5 Mar 09:00")
    ]
    assert differences(expecting("deferred: {step: case, reason: quiet_hours}", leaves), strict) == [
        ("- case is put off (quiet_hours)", "+ case is put off (capped), Wed 4 Mar 09:00")
    ]


IMPOSSIBLE = [
    ("{at: 1h, click: case}", "no mail of step 'case' had gone by then, so nobody can click in it; write 'after: case' with 'in: …'"),
    ("{at: 1h, download: guide, from: case}", "no mail of step 'case' had gone by then, so nobody can open a link in it; write 'after: case' with 'in: …'"),
    ("{after: demo, in: 1h, click: demo}", "no mail of step demo went until the end"),
    ("{after: case, in: 30d, page: /pricing}", "this would be later than 'until'; let the case go on for longer"),
]  # fmt: skip


@pytest.mark.parametrize(("act", "told"), IMPOSSIBLE)
def test_what_cannot_happen_fails_the_case_where_it_is_written(act: str, told: str) -> None:
    (failure,) = tried(expecting("stage: lead", given=act)).failures
    assert failure.diff == (told,)
    assert failure.place[:2] == ("given", 1)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("{at: 0m, download: guide}", "no form gave them 'guide' before"),
        ("{at: 0m, unsubscribe: true}", "no mail had gone by then"),
        ("{at: 0m, reject: no budget}", "nobody had heard of them by then"),
        ("{at: 0m, event: x}\n  - {at: 1m, reject: no budget}", "they stand at audience"),
    ],
)
def test_what_nobody_could_do_yet(act: str, told: str) -> None:
    (failure,) = tried(f"person: {{email: ana@acme.example}}\ngiven:\n  - {act}\nuntil: 1d\nexpect: {{mails: []}}").failures
    assert failure.diff[0].startswith(told)


def test_a_mail_that_cannot_be_written_fails_the_case() -> None:
    class Clumsy:
        def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
            raise TemplateError("guide-thanks/en.md: line 5: 'persn' is unknown")

    (failure,) = tried(expecting("stage: lead", until="1h"), writer=Clumsy()).failures
    assert failure.diff == ("the mail of step thanks cannot be sent: guide-thanks/en.md: line 5: 'persn' is unknown",)
    assert any("mail thanks cannot be sent" in line for line in failure.timeline)


def test_the_timeline_tells_what_happened_around_the_difference() -> None:
    (failure,) = tried(expecting("stage: mql", given="{after: thanks, in: 1m, click: thanks, by: machine}", until="1h")).failures
    assert [line.split(None, 5)[-1] for line in failure.timeline] == [
        "form_submitted",
        "asset_downloaded",
        "+20 points (download)",
        "stage audience → lead (gated-download)",
        "enters guide-nurture (promoted_to: lead, asset: guide)",
        "guide-nurture waits at wait-after-thanks until Wed 4 Mar 09:00",
        "mail thanks",
        "email_clicked (by a machine: no_user_agent)",
    ]
    assert failure.timeline[-1].split()[:5] == ["1m", "Mon", "2", "Mar", "09:01"]
