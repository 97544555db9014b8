"""What the pages say, in the two languages they speak."""

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("en", "fr")

_ENGLISH: Final = {
    "back": "Back",
    "form_title": "Please check what you entered",
    "form_unreadable_title": "The form could not be read",
    "form_unknown_title": "There is no such form",
    "form_unknown_text": "The address this form was sent to is not known here. Nothing was kept.",
    "required": "Please fill in this field.",
    "invalid_email": "This is not a valid e-mail address.",
    "line_break": "Please write this on one line.",
    "too_long": "This is too long.",
    "thanks_title": "Thank you",
    "thanks_text": "We have received your message.",
    "link_unknown_title": "This link is not valid",
    "link_unknown_text": "It may have been cut off. Please copy the whole link from the e-mail.",
    "link_used_up_title": "This link has expired",
    "link_used_up_text": "It could be used for some days and a few downloads only. Fill in the form again for a new one.",
    "file_missing_title": "This file is not there",
    "file_missing_text": "Sorry, that is our mistake. Please write to us and we will send it to you.",
    "unsubscribe_title": "Unsubscribe",
    "unsubscribe_text": "You will receive no more e-mails of this kind from us.",
    "unsubscribe_button": "Unsubscribe me",
    "unsubscribed_title": "You are unsubscribed",
    "unsubscribed_text": "You will receive no more e-mails of this kind. You may close this page.",
    "confirm_title": "Please confirm",
    "confirm_text": "You agreed to receive e-mails from us.",
    "confirm_button": "Yes, I confirm",
    "confirmed_title": "Thank you, that is confirmed",
    "confirmed_text": "You may close this page. Each e-mail has a link by which you can change your mind.",
    "confirm_late_title": "This link has expired",
    "confirm_late_text": "Nothing was changed. Fill in the form again to get a new one.",
    "preferences_title": "What you receive from us",
    "preferences_unsubscribed": "You are unsubscribed and receive nothing from us. Tick something and save to receive it again.",
    "preferences_topics": "Topics",
    "preferences_pace": "How often",
    "preferences_pause": "Pause",
    "preferences_purposes": "What we may do besides",
    "preferences_save": "Save",
    "preferences_leave": "Unsubscribe from everything",
    "preferences_saved_title": "Your choice is saved",
    "preferences_saved_text": "It takes effect in a moment. You may close this page.",
    "pace_all": "As it comes",
    "pace_weekly": "Once a week at most",
    "pace_monthly": "Once a month at most",
    "pause_none": "No pause",
    "pause_kept": "Until {until}, as now",
    "pause_days": "For {days} days",
    "too_many_title": "That was too much at once",
    "too_many_text": "Much was sent from your network within a short time. Please try again in a minute; nothing you entered was kept.",
    "later_title": "One moment, please",
    "later_text": "We cannot take this just now. Please try again in a minute; nothing you entered was kept.",
}

_FRENCH: Final = {
    "back": "Retour",
    "form_title": "Merci de vérifier votre saisie",
    "form_unreadable_title": "Le formulaire n’a pas pu être lu",
    "form_unknown_title": "Ce formulaire n’existe pas",
    "form_unknown_text": "L’adresse à laquelle ce formulaire a été envoyé est inconnue ici. Rien n’a été conservé.",
    "required": "Merci de remplir ce champ.",
    "invalid_email": "Cette adresse e-mail n’est pas valable.",
    "line_break": "Merci d’écrire sur une seule ligne.",
    "too_long": "Ce texte est trop long.",
    "thanks_title": "Merci",
    "thanks_text": "Nous avons bien reçu votre message.",
    "link_unknown_title": "Ce lien n’est pas valable",
    "link_unknown_text": "Il a peut-être été coupé. Merci de copier le lien entier depuis l’e-mail.",
    "link_used_up_title": "Ce lien a expiré",
    "link_used_up_text": "Il était valable quelques jours et pour quelques téléchargements. Remplissez à nouveau le formulaire.",
    "file_missing_title": "Ce fichier est absent",
    "file_missing_text": "Désolé, l’erreur est de notre côté. Écrivez-nous et nous vous l’enverrons.",
    "unsubscribe_title": "Se désabonner",
    "unsubscribe_text": "Vous ne recevrez plus d’e-mails de ce type de notre part.",
    "unsubscribe_button": "Me désabonner",
    "unsubscribed_title": "Vous êtes désabonné",
    "unsubscribed_text": "Vous ne recevrez plus d’e-mails de ce type. Vous pouvez fermer cette page.",
    "confirm_title": "Merci de confirmer",
    "confirm_text": "Vous avez accepté de recevoir nos e-mails.",
    "confirm_button": "Oui, je confirme",
    "confirmed_title": "Merci, c’est confirmé",
    "confirmed_text": "Vous pouvez fermer cette page. Un lien dans chaque e-mail vous permet de changer d’avis.",
    "confirm_late_title": "Ce lien a expiré",
    "confirm_late_text": "Rien n’a été modifié. Remplissez à nouveau le formulaire pour en recevoir un autre.",
    "preferences_title": "Ce que vous recevez de nous",
    "preferences_unsubscribed": "Vous êtes désabonné et ne recevez rien de nous. Cochez et enregistrez pour recevoir à nouveau.",
    "preferences_topics": "Sujets",
    "preferences_pace": "À quel rythme",
    "preferences_pause": "Pause",
    "preferences_purposes": "Ce que nous pouvons faire en plus",
    "preferences_save": "Enregistrer",
    "preferences_leave": "Me désabonner de tout",
    "preferences_saved_title": "Votre choix est enregistré",
    "preferences_saved_text": "Il prend effet dans un instant. Vous pouvez fermer cette page.",
    "pace_all": "Au fil de l’eau",
    "pace_weekly": "Une fois par semaine au plus",
    "pace_monthly": "Une fois par mois au plus",
    "pause_none": "Pas de pause",
    "pause_kept": "Jusqu’au {until}, comme à présent",
    "pause_days": "Pendant {days} jours",
    "too_many_title": "C’était beaucoup à la fois",
    "too_many_text": "Beaucoup de formulaires sont venus de votre réseau. Merci de réessayer dans une minute ; rien de votre saisie n’a été conservé.",
    "later_title": "Un instant, s’il vous plaît",
    "later_text": "Impossible pour le moment. Merci de réessayer dans une minute ; rien de votre saisie n’a été conservé.",
}

WORDS: Final[Mapping[str, Mapping[str, str]]] = {"en": _ENGLISH, "fr": _FRENCH}


def preferred_language(accepted: str) -> str:
    """The language of ours that an Accept-Language header likes best (RFC 9110 §12.5.4), else English."""
    liked = sorted((_weighed(part) for part in accepted.split(",")), key=lambda found: -found[1])
    return next((language for language, weight in liked if language in WORDS and weight > 0), "en")


def first_language(accepted: str) -> str | None:
    """The language tag that an Accept-Language header names first: what a browser's owner has set as their own."""
    tag = accepted.partition(",")[0].partition(";")[0].strip()
    return tag if tag.replace("-", "").isalnum() and len(tag) <= 35 else None  # noqa: PLR2004 - RFC 5646 §4.4.1


def _weighed(part: str) -> tuple[str, float]:
    tag, _, quality = part.partition(";")
    try:
        weight = float(quality.strip().removeprefix("q=") or 1)
    except ValueError:
        weight = 0.0
    return tag.strip().lower().partition("-")[0], weight
