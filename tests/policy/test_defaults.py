"""What a new policy and a new organisation start with, and the hard rules of the Entra-compatible preset."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Tenant
from policy.models import ResetPolicy
from policy.models.policies import app_stands_alone


def test_every_default_of_a_new_policy() -> None:
    policy = ResetPolicy()
    assert policy.audience == "nobody"
    assert policy.methods_required == 1
    assert policy.methods == ["email", "sms"]
    assert policy.registration_required is True
    assert policy.reconfirm_days == 180
    assert policy.notify_users is True
    assert policy.notify_administrators is True
    assert policy.entra_compatible is True
    assert policy.unlock_without_reset is True
    assert policy.priority == 100


def test_every_default_of_a_new_organisation() -> None:
    tenant = Tenant()
    assert tenant.kind == "workforce"
    assert tenant.disclosure == "private"
    assert tenant.find_by_mail is False
    assert tenant.administrators_may_reset is True
    assert tenant.imported_methods_count is False
    assert tenant.administrator_notice == "global"
    assert tenant.contact == "form"
    assert tenant.is_active is True


def test_two_policies_share_no_list_of_methods() -> None:
    first, second = ResetPolicy(), ResetPolicy()
    first.methods.append("app_code")
    assert second.methods == ["email", "sms"]


@pytest.mark.parametrize(
    ("methods", "required", "stands_alone"),
    [
        (["app_code"], 1, True),
        (["app_code", "email"], 1, False),
        (["app_code", "email"], 2, True),
        (["app_code", "email", "sms"], 2, False),
        (["email"], 1, False),
        (["app_code", "access_pass"], 1, True),
        (["email", "sms"], 2, False),
    ],
)
def test_the_app_never_stands_alone_where_the_preset_is_on(
    methods: list[str], required: int, stands_alone: bool
) -> None:
    assert app_stands_alone(set(methods), required) is stands_alone
    strict = ResetPolicy(name="x", methods=methods, methods_required=required)
    relaxed = ResetPolicy(name="x", methods=methods, methods_required=required, entra_compatible=False)
    relaxed.clean()
    if stands_alone:
        with pytest.raises(ValidationError, match="one more method beside the authenticator app"):
            strict.clean()
    else:
        strict.clean()


@pytest.mark.parametrize("methods", [[], ["fax"], ["email", "EMAIL"], ["access_pass"]])
def test_a_policy_allows_at_least_one_method_that_exists(methods: list[str]) -> None:
    with pytest.raises(ValidationError):
        ResetPolicy(name="x", methods=methods).clean()


@pytest.mark.parametrize(
    ("field", "value"),
    [("methods_required", 0), ("methods_required", 3), ("reconfirm_days", 731), ("reconfirm_days", -1)],
)
def test_numbers_out_of_range_are_refused(field: str, value: int) -> None:
    policy = ResetPolicy(name="x", **{field: value})
    with pytest.raises(ValidationError) as raised:
        policy.full_clean(exclude=["tenant"], validate_unique=False, validate_constraints=False)
    assert field in raised.value.message_dict
