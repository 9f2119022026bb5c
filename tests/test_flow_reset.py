"""A forgotten password, from the first page to the last."""

from django.test import Client

from accounts import tenants
from accounts.models import AuditEvent, User
from notifications.models import Message
from policy.models import ResetPolicy
from reset.models import ResetRequest, State
from tests import wizard


def test_flow(client: Client, alice: User, open_policy: ResetPolicy) -> None:
    assert wizard.start(client, "alice@acme.example").url == "/reset/verify/"
    assert wizard.choose(client, "email").url == "/reset/verify/"
    page = client.get("/reset/verify/")
    assert "usually arrives within a minute" in page.content.decode()
    message = wizard.last_message()
    assert (message.status, wizard.contents(message)["recipient"]) == ("queued", "alice@home.example")
    assert wizard.answer(client, wizard.last_code()).url == "/reset/password/"
    done = client.post("/reset/password/", {"password": "three blue horses", "again": "three blue horses"})
    assert done["Location"] == "/reset/status/"
    page = client.get("/reset/status/")
    assert "Your password was changed" in page.content.decode()
    with tenants.all_opened():
        alice.refresh_from_db()
        assert alice.check_password("three blue horses")
        assert ResetRequest.objects.get().state == State.COMPLETED
        told = {wizard.contents(row)["recipient"] for row in Message.objects.filter(kind="password_was_reset")}
        activities = list(AuditEvent.objects.order_by("id").values_list("activity", flat=True))
    assert told == {"alice@home.example", "alice@acme.example"}
    assert activities == [
        "reset.user_id_submitted",
        "reset.options_presented",
        "reset.verification_started",
        "reset.verification_completed",
        "reset.all_verifications_completed",
        "reset.password_submitted",
        "reset.completed",
    ]
