"""What tests of the console's writeback pages have in common."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from django.urls import reverse

from accounts.models import Directory, Tenant
from accounts.tenants import opened
from notifications.models import Message
from writeback.models import Connector

FORM: dict[str, Any] = {
    "name": "Head office", "kind": "openldap", "way": "direct", "servers": "ldaps://dc1.acme.example",
    "base_dn": "dc=acme,dc=example", "account": "cn=svc,dc=acme,dc=example", "password": "service-secret-1",
    "ca_pem": "", "denied": "", "patience": "fail_fast", "is_on": "on", "says_where_it_holds": "on",
    "sync_is_on": "on", "sync_minutes": "30", "most_disabled_percent": "10", "attribute_lines": "",
    "people_filter": "", "groups_filter": "",
}  # fmt: skip
ADD = "/admin/accounts/directory/add/"


def page_of(directory: Directory, which: str = "change") -> str:
    names = {"change": "accounts_directory_change", "delete": "accounts_directory_delete"}
    return reverse(f"admin:{names.get(which, 'directory-' + which)}", args=[directory.pk])


def allow_direct(tenant: Tenant) -> None:
    tenant.may_connect_directly = True
    tenant.save()


def the_connector(tenant: Tenant) -> Connector:
    with opened(tenant):
        return Connector.objects.select_related("directory", "tenant").get()


def told(tenant: Tenant) -> int:
    """How many administrators were mailed that a setting changed."""
    with opened(tenant):
        return Message.objects.filter(kind="routing_was_changed").count()


def certificate(days: int, name: str = "Acme CA") -> str:
    """Valid from a year ago until so many days from now."""
    key, now = Ed25519PrivateKey.generate(), datetime.now(UTC)
    begins, ends = now - timedelta(days=365), now + timedelta(days=days)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    built = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), begins, ends).sign(
        key, None
    )
    return built.public_bytes(Encoding.PEM).decode()
