"""Taking on an organisation from the command line."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEvent, Domain, Tenant
from accounts.tenants import all_opened


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_tenant", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_a_tenant_starts_with_its_domains_and_without_anybody_who_may_reset() -> None:
    said = run("acme", "--name", "Acme University", "--domain", "acme.example", "--domain", "Students.acme.example")
    assert "http://testserver/t/acme/" in said
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.kind, tenant.imported_methods_count) == ("Acme University", "workforce", False)
    with all_opened():
        domains = Domain.objects.filter(verified_at__isnull=False).values_list("name", flat=True)
        assert set(domains) == {"acme.example", "students.acme.example"}
        assert AuditEvent.objects.get().details == {"object": "tenant", "slug": "acme"}


@pytest.mark.django_db
def test_a_tenant_of_customers_needs_no_domain() -> None:
    run("globex", "--name", "Globex", "--kind", "customers")
    assert Tenant.objects.get().kind == Tenant.Kind.CUSTOMERS


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("acme", "--name", "Other", "--domain", "other.example"), "Short name"),
        (("other", "--name", "Other", "--domain", "acme.example"), "Domain"),
        (("other", "--name", "Other", "--domain", "not a domain"), "Write the domain"),
        (("no spaces", "--name", "Other", "--domain", "other.example"), "slug"),
        (("other", "--name", " ", "--domain", "other.example"), "blank"),
        (("other", "--name", "Other"), "needs a --domain"),
        (("other", "--name", "Other", "--kind", "guild"), "invalid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_created(acme: Tenant, arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(CommandError, match=f"(?i){reason}"):
        run(*arguments)
    assert list(Tenant.objects.all()) == [acme]
    with all_opened():
        assert Domain.objects.count() == 1
