"""The manager of everything that belongs to a tenant: a query outside an opened scope raises (django-scopes)."""

from typing import TYPE_CHECKING, TypeVar

from django.db import models
from django_scopes import ScopedManager

M = TypeVar("M", bound=models.Model, covariant=True)

if TYPE_CHECKING:  # django-scopes makes its manager in a function, which type checkers can't look into

    class TenantManager(models.Manager[M]):
        """Rows of the tenant whose scope is open."""

else:

    class TenantManager(type(ScopedManager(tenant="tenant"))):
        """Rows of the tenant whose scope is open."""
