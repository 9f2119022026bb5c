"""The value of an authenticator as staff type it: checked by type, brought into the form that is stored."""

from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts import phones
from accounts.importing.checking import mail_address
from accounts.methods import AuthenticatorType
from accounts.models import Domain, Tenant

READERS = {
    AuthenticatorType.EMAIL: mail_address,
    AuthenticatorType.MOBILE_PHONE: phones.mobile,
    AuthenticatorType.OFFICE_PHONE: phones.office,
}


def read_value(kind: AuthenticatorType, typed: str, tenant: Tenant | None) -> str:
    """An address, or a number in E.164. Raises ValidationError, never with what was typed."""
    try:
        value = READERS[kind](typed.strip())
    except KeyError:
        raise ValidationError(_("Nothing is typed here for this type."), code="type") from None
    except ValueError as error:
        raise ValidationError(f"{capfirst(str(error))}.", code="value") from None
    if kind == AuthenticatorType.EMAIL and Domain.is_own(tenant, value):
        raise ValidationError(
            _("This address is in one of the organisation's own domains: it can't be read without the password."),
            code="inside",
        )
    return value
