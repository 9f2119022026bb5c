"""Names of the authentication methods. Rules about them live in `policy`, their behaviour in `reset/methods/`."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Method(models.TextChoices):
    """A way to prove who one is. SMS and a call would both use a phone, but are allowed apart."""

    EMAIL = "email", _("E-mail code")
    SMS = "sms", _("Text message to a mobile phone")
    CALL = "call", _("Call to a mobile phone")
    OFFICE_CALL = "office_call", _("Call to an office phone")
    APP_CODE = "app_code", _("Authenticator app code")
    QUESTIONS = "questions", _("Security questions")
    RECOVERY_CODE = "recovery_code", _("Recovery code")
    PASSKEY = "passkey", _("Passkey or security key")
    APP_NOTIFICATION = "app_notification", _("Authenticator app notification")
    ACCESS_PASS = "access_pass", _("Temporary access pass")


class Kind(models.TextChoices):
    """What stands behind a method. Two gates are always of two kinds."""

    MAIL = "mail", _("e-mail")
    PHONE = "phone", _("phone")
    APP = "app", _("authenticator app")
    QUESTIONS = "questions", _("security questions")
    RECOVERY = "recovery", _("recovery codes")
    PASSKEY = "passkey", _("passkey")
    PASS = "pass", _("temporary access pass")


KIND_OF: dict[Method, Kind] = {
    Method.EMAIL: Kind.MAIL,
    Method.SMS: Kind.PHONE,
    Method.CALL: Kind.PHONE,
    Method.OFFICE_CALL: Kind.PHONE,
    Method.APP_CODE: Kind.APP,
    Method.QUESTIONS: Kind.QUESTIONS,
    Method.RECOVERY_CODE: Kind.RECOVERY,
    Method.PASSKEY: Kind.PASSKEY,
    Method.APP_NOTIFICATION: Kind.APP,
    Method.ACCESS_PASS: Kind.PASS,
}


# What people register and keep. A temporary access pass is staff's word for a few hours.
LASTING_METHODS = tuple(method for method in Method if method != Method.ACCESS_PASS)


class AuthenticatorType(models.TextChoices):
    """One registered thing. A mobile phone may serve several methods."""

    EMAIL = "email", _("E-mail address")
    MOBILE_PHONE = "mobile_phone", _("Mobile phone")
    OFFICE_PHONE = "office_phone", _("Office phone")
    APP = "app", _("Authenticator app")
    QUESTIONS = "questions", _("Security questions")
    RECOVERY_CODES = "recovery_codes", _("Recovery codes")
    PASSKEY = "passkey", _("Passkey")
    PHONE_APP = "phone_app", _("Phone that asks")
    ACCESS_PASS = "access_pass", _("Temporary access pass")


# Where no policy says otherwise, so many security questions are registered, and so many asked. Source: Entra's numbers.
QUESTIONS_REGISTERED, QUESTIONS_ASKED = 5, 3
MOST_QUESTIONS = 5  # that a policy may want registered, or asked

METHODS_OF: dict[AuthenticatorType, tuple[Method, ...]] = {
    AuthenticatorType.EMAIL: (Method.EMAIL,),
    AuthenticatorType.MOBILE_PHONE: (Method.SMS, Method.CALL),
    AuthenticatorType.OFFICE_PHONE: (Method.OFFICE_CALL,),
    AuthenticatorType.APP: (Method.APP_CODE,),
    AuthenticatorType.QUESTIONS: (Method.QUESTIONS,),
    AuthenticatorType.RECOVERY_CODES: (Method.RECOVERY_CODE,),
    AuthenticatorType.PASSKEY: (Method.PASSKEY,),
    AuthenticatorType.PHONE_APP: (Method.APP_NOTIFICATION,),
    AuthenticatorType.ACCESS_PASS: (Method.ACCESS_PASS,),
}


def kind_of(authenticator_type: AuthenticatorType) -> Kind:
    """What an authenticator is to its person."""
    return KIND_OF[METHODS_OF[authenticator_type][0]]


def available_methods() -> tuple[Method, ...]:
    """The methods this installation can carry out: texts and calls need a provider, passkeys a host name (WebAuthn)."""
    missing = {
        Method.SMS: not settings.SMS_URL,
        Method.CALL: not settings.VOICE_URL,
        Method.OFFICE_CALL: not settings.VOICE_URL,
        Method.PASSKEY: not settings.PASSKEY_HOST,
    }
    return tuple(method for method in Method if not missing.get(method))
