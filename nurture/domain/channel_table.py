"""The built-in table of channels, as data: who sends visitors, what click ids prove, and which channel a visit belongs to.

The rules are the conditions and the order that Google publishes for manual traffic in GA4's default channel group
(support.google.com/analytics/answer/9756891), the channel for AI assistants (May 2026) included. Where this table goes
further, the reason stands beside it. Google does not publish its lists of sites, so those here are our own.
"""

from collections.abc import Mapping
from typing import Any, Final

#: Names that the engine itself rests on.
DIRECT: Final = "direct"
UNASSIGNED: Final = "unassigned"
SEARCH: Final = "search"
AI_ASSISTANT: Final = "ai_assistant"
EMAIL: Final = "email"

#: What a visit without tags gets as its medium, by the list its source stands in; for every other source it is REFERRAL.
#: Google files webmail under search or referral; a link opened in somebody's mailbox is e-mail, so we say so.
MEDIUM_OF_LIST: Final[Mapping[str, str]] = {SEARCH: "organic", AI_ASSISTANT: "ai-assistant", EMAIL: "email"}
REFERRAL: Final = "referral"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Who sends visitors, by what they are. `example.com` is this host and all below it, `example` what a tag calls it, and
#: `example.*` both that name and the host under any ending. Of an app, the package is the host.
SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    SEARCH: _listed("""
        google.* images.google.com news.google.com lens.google.com com.google.android.googlequicksearchbox
        bing.* cn.bing.com duckduckgo.* ecosia.* qwant.* lite.qwant.com startpage.* eu.startpage.com brave search.brave.com
        yahoo.* search.yahoo.com search.yahoo.co.jp yandex.* ya.ru baidu.* m.baidu.com naver search.naver.com m.naver.com
        daum search.daum.net sogou.* so.com 360.cn seznam.* search.seznam.cz mojeek.* swisscows.* kagi.* metager.* presearch.*
        lilo search.lilo.org karmasearch.* ask.com aol search.aol.com lycos.* dogpile.com search.ch suche.t-online.de
        lemoteur.orange.fr onesearch.com rambler.ru nova.rambler.ru go.mail.ru coccoc.com petalsearch.com
        """),
    "social": _listed("""
        facebook fb facebook.com fb.com fb.me messenger.com m.me com.facebook.katana meta
        instagram ig instagram.com com.instagram.android threads threads.net threads.com
        linkedin linkedin.com lnkd.in com.linkedin.android x x.com twitter twitter.com t.co com.twitter.android
        bluesky bsky bsky.app go.bsky.app mastodon mastodon.social mastodon.online joinmastodon.org
        tiktok tiktok.com com.zhiliaoapp.musically pinterest.* pin.it fr.pinterest.com de.pinterest.com uk.pinterest.com
        com.pinterest reddit reddit.com redd.it com.reddit.frontpage quora quora.com snapchat snapchat.com
        whatsapp whatsapp.com wa.me com.whatsapp telegram telegram.org telegram.me t.me org.telegram.messenger
        discord discord.com discord.gg discordapp.com slack slack.com com.slack tumblr tumblr.com flipboard flipboard.com
        xing xing.com viadeo viadeo.com vk vk.com vk.ru weibo weibo.com weibo.cn wechat douban.com line line.me lin.ee
        medium medium.com substack substack.com hackernews news.ycombinator.com lobste.rs producthunt producthunt.com
        stackoverflow stackoverflow.com stackexchange.com nextdoor.com meetup meetup.com disqus.com glassdoor.com glassdoor.fr
        """),
    "video": _listed("""
        youtube youtube.com youtu.be youtube-nocookie.com com.google.android.youtube vimeo vimeo.com
        dailymotion dailymotion.com dai.ly twitch twitch.tv wistia wistia.com wistia.net rumble rumble.com odysee.com
        bilibili bilibili.com youku youku.com niconico nicovideo.jp peertube netflix netflix.com hulu hulu.com disneyplus.com
        ted ted.com loom loom.com vidyard vidyard.com brightcove.com kick.com
        """),
    "shopping": _listed("""
        amazon.* smile.amazon.com ebay.* m.ebay.com etsy etsy.com alibaba alibaba.com aliexpress.* temu temu.com shein.*
        walmart walmart.com target.com bestbuy.com cdiscount cdiscount.com fnac.* darty.com rakuten.* manomano.* leboncoin
        leboncoin.fr vinted.* zalando.* otto.de allegro allegro.pl bol bol.com mercadolibre.* flipkart flipkart.com
        idealo.* kelkoo.* pricerunner.* geizhals.* shopping.google.com googleshopping google-shopping igshopping shop.app
        """),
    AI_ASSISTANT: _listed("""
        chatgpt chatgpt.com openai openai.com com.openai.chatgpt claude claude.ai anthropic.com com.anthropic.claude
        gemini gemini.google.com bard.google.com notebooklm.google.com notebooklm.google com.google.android.apps.bard
        copilot copilot.microsoft.com copilot.com copilot.cloud.microsoft m365.cloud.microsoft com.microsoft.copilot
        perplexity perplexity.ai ai.perplexity.app.android mistral chat.mistral.ai lechat deepseek deepseek.com
        grok grok.com grok.x.ai meta.ai you.com phind.com poe.com duck.ai huggingface.co qwen chat.qwen.ai kimi.com
        kimi.moonshot.cn doubao.com pi.ai character.ai iask.ai andisearch.com komo.ai felo.ai genspark.ai manus.im
        """),
    EMAIL: _listed("""
        gmail mail.google.com com.google.android.gm outlook outlook.com outlook.live.com outlook.office.com outlook.office365.com
        outlook.cloud.microsoft com.microsoft.office.outlook mail.yahoo.com com.yahoo.mobile.client.android.mail mail.aol.com
        protonmail mail.proton.me icloud.com mail.zoho.com mail.zoho.eu app.fastmail.com mail.yandex.ru mail.yandex.com
        e.mail.ru mail.qq.com messagerie.orange.fr mail01.orange.fr zimbra.free.fr webmail.free.fr messagerie.laposte.net
        webmail.laposte.net messagerie.sfr.fr webmail.sfr.fr mail.gmx.net navigator.gmx.net navigator-bs.gmx.com deref-gmx.net
        deref-web.de deref-mail.com navigator.web.de email.t-online.de webmail.infomaniak.com mail.infomaniak.com
        safelinks.protection.outlook.com
        """),
}

_SEARCH_ADS: Final = ["gclid", "gbraid", "wbraid", "gad_source", "msclkid", "yclid"]
_SOCIAL_ADS: Final = ["ttclid", "li_fat_id", "twclid", "rdt_cid", "sccid"]
_OTHER_ADS: Final = ["tblci", "dicbo", "qclid"]

#: What a parameter that a platform adds by itself proves: who sent the visitor and, where only one kind of link carries it,
#: by which medium. Meta adds its own to every outgoing link, so fbclid is no sign of an advertisement.
CLICK_IDS: Final[Mapping[str, Mapping[str, str]]] = {
    "dclid": {"source": "doubleclick", "medium": "cpm"},  # Display & Video 360, Campaign Manager; stands beside a gclid
    "gclid": {"source": "google", "medium": "cpc"},
    "gbraid": {"source": "google", "medium": "cpc"},  # from an app, on iOS
    "wbraid": {"source": "google", "medium": "cpc"},  # from the web, on iOS
    "gad_source": {"source": "google", "medium": "cpc"},
    "msclkid": {"source": "bing", "medium": "cpc"},
    "yclid": {"source": "yandex", "medium": "cpc"},
    "ttclid": {"source": "tiktok", "medium": "cpc"},
    "li_fat_id": {"source": "linkedin", "medium": "cpc"},
    "twclid": {"source": "twitter", "medium": "cpc"},
    "rdt_cid": {"source": "reddit", "medium": "cpc"},
    "sccid": {"source": "snapchat", "medium": "cpc"},
    "tblci": {"source": "taboola", "medium": "cpc"},
    "dicbo": {"source": "outbrain", "medium": "cpc"},
    "qclid": {"source": "quora", "medium": "cpc"},
    "mc_eid": {"source": "mailchimp", "medium": "email"},
    "_hsenc": {"source": "hubspot", "medium": "email"},
    "_hsmi": {"source": "hubspot", "medium": "email"},
    "mkt_tok": {"source": "marketo", "medium": "email"},
    "_kx": {"source": "klaviyo", "medium": "email"},
    "vero_id": {"source": "vero", "medium": "email"},
    "irclickid": {"source": "impact", "medium": "affiliate"},
    "awc": {"source": "awin", "medium": "affiliate"},
    "cjevent": {"source": "cj", "medium": "affiliate"},
    "fbclid": {"source": "facebook"},
    "igshid": {"source": "instagram"},
    "igsh": {"source": "instagram"},
    "epik": {"source": "pinterest"},
    "srsltid": {"source": "google"},  # Merchant Center, in free results
}

_PAID: Final = {"matches": "^(.*cp.*|ppc|retargeting|paid.*)$"}
_SHOP: Final = {"matches": "^(.*(([^a-df-z]|^)shop|shopping).*)$"}
_EMAIL_NAMES: Final = ["email", "e-mail", "e_mail", "e mail"]
_ABSENT: Final = {"exists": False}

#: Channel and condition, None for the rule that takes what is left; the first that holds decides.
RULES: Final[tuple[tuple[str, dict[str, Any] | None], ...]] = (
    (DIRECT, {"source": _ABSENT, "medium": _ABSENT, "campaign": _ABSENT, "content": _ABSENT, "term": _ABSENT}),
    ("cross-network", {"campaign": {"contains": "cross-network"}}),
    ("paid-shopping", {"medium": _PAID, "any": [{"source_category": "shopping"}, {"campaign": _SHOP}]}),
    ("paid-search", {"medium": _PAID, "source_category": SEARCH}),
    ("paid-social", {"medium": _PAID, "source_category": "social"}),
    ("paid-video", {"medium": _PAID, "source_category": "video"}),
    ("display", {"medium": ["display", "banner", "expandable", "interstitial", "cpm"]}),
    # Google lets its own click id outweigh tags. An advertisement is one whatever its tags say, and no matter whose it is.
    ("paid-video", {"click_id": _SEARCH_ADS, "source_category": "video"}),
    ("paid-search", {"click_id": _SEARCH_ADS}),
    ("paid-social", {"click_id": _SOCIAL_ADS}),
    ("paid-other", {"any": [{"medium": _PAID}, {"click_id": _OTHER_ADS}]}),
    ("organic-shopping", {"any": [{"source_category": "shopping"}, {"campaign": _SHOP}]}),
    (
        "organic-social",
        {
            "any": [
                {"source_category": "social"},
                {"medium": ["social", "social-network", "social-media", "sm", "social network", "social media"]},
            ]
        },
    ),
    ("organic-video", {"any": [{"source_category": "video"}, {"medium": {"contains": "video"}}]}),
    # Google knows assistants by the medium alone, which it sets for five of them.
    ("ai-assistants", {"any": [{"source_category": AI_ASSISTANT}, {"medium": "ai-assistant"}]}),
    ("organic-search", {"any": [{"source_category": SEARCH}, {"medium": "organic"}]}),
    ("referral", {"medium": [REFERRAL, "app", "link"]}),
    ("email", {"any": [{"source": _EMAIL_NAMES}, {"medium": _EMAIL_NAMES}, {"source_category": EMAIL}]}),
    ("affiliates", {"medium": ["affiliate", "affiliates"]}),
    ("audio", {"medium": "audio"}),
    ("sms", {"any": [{"source": "sms"}, {"medium": "sms"}]}),
    (
        "mobile-push-notifications",
        {
            "any": [
                {"medium": {"ends_with": "push"}},
                {"medium": {"contains": "mobile"}},
                {"medium": {"contains": "notification"}},
                {"source": "firebase"},
            ]
        },
    ),
    (UNASSIGNED, None),
)

#: Endings of two labels under which names are registered, as in example.co.uk: the first of the two.
SECOND_LEVELS: Final = frozenset({"ac", "co", "com", "edu", "gob", "gouv", "gov", "go", "gr", "ne", "net", "or", "org"})
