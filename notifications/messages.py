"""What we tell people: one function for each message, which returns a draft for `outbox.enqueue`.

Arguments are plain values; texts lie in templates/messages/<kind>/ and are written out by the worker.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NotRequired, TypedDict, Unpack
from uuid import UUID

from notifications.models import Channel
from notifications.outbox import Draft

# Every message there is, and the channels it goes by.
KINDS: dict[str, tuple[Channel, ...]] = {
    "passcode": (Channel.EMAIL, Channel.SMS),
    "call": (Channel.VOICE,),
    "password_was_reset": (Channel.EMAIL,),
    "account_was_unlocked": (Channel.EMAIL,),
    "password_was_changed": (Channel.EMAIL,),
    "administrator_was_reset": (Channel.EMAIL,),
    "contact_administrator": (Channel.EMAIL,),
    "authenticator_was_changed": (Channel.EMAIL,),
    "own_method_was_changed": (Channel.EMAIL,),
    "alarm_was_raised": (Channel.EMAIL,),
    "prompt": (Channel.PUSH,),
    "prompt_was_refused": (Channel.EMAIL,),
    "access_pass_was_given": (Channel.EMAIL,),
    "spend_alarm": (Channel.EMAIL,),
    "routing_was_changed": (Channel.EMAIL,),
}
PASSCODE_LIFETIME = timedelta(minutes=5)
NOTICE_LIFETIME = timedelta(days=3)
LONGEST_CLIENT = 200


class Reader(TypedDict):
    """Who is told, in which language, and what the message belongs to."""

    tenant_id: int | None
    language: str
    recipient: str
    correlation_id: NotRequired[UUID | None]
    user_id: NotRequired[int | None]


class Notice(Reader):
    """What happened to the account of `principal_name`: when, from which address, with which browser."""

    principal_name: str
    at: datetime
    address: str
    client: str


def passcode_by_mail(
    *, code: str, lifetime: timedelta = PASSCODE_LIFETIME, withheld: bool = False, **reader: Unpack[Reader]
) -> Draft:
    """A one-time passcode to an address. With `withheld` nobody gets it."""
    return _passcode(Channel.EMAIL, code, lifetime, withheld, reader)


def passcode_by_sms(
    *, code: str, lifetime: timedelta = PASSCODE_LIFETIME, withheld: bool = False, **reader: Unpack[Reader]
) -> Draft:
    """A one-time passcode to a number in E.164. With `withheld` nobody gets it."""
    return _passcode(Channel.SMS, code, lifetime, withheld, reader)


def call(
    *,
    answer_path: str,
    keys: int,
    lifetime: timedelta = PASSCODE_LIFETIME,
    withheld: bool = False,
    **reader: Unpack[Reader],
) -> Draft:
    """A call to a number in E.164 (an extension after `x`) that asks for so many digits, then the hash key.

    What is pressed goes to `answer_path`. The digits themselves are on the page alone: whoever takes the call hears none.
    """
    return Draft(
        kind="call",
        channel=Channel.VOICE,
        recipient=reader["recipient"],
        language=reader["language"],
        tenant_id=reader["tenant_id"],
        lifetime=lifetime,
        context={"answer_path": answer_path, "keys": str(keys)},
        correlation_id=reader.get("correlation_id"),
        user_id=reader.get("user_id"),
        withheld=withheld,
    )


def password_was_reset(*, name: str, methods: Sequence[str], alarm_url: str = "", **notice: Unpack[Notice]) -> Draft:
    """To every address on file: which kinds of method proved who it was, and where to say *this wasn't me*."""
    return _notice("password_was_reset", notice, name=name, kinds=",".join(methods), alarm_url=alarm_url)


def account_was_unlocked(*, name: str, methods: Sequence[str], alarm_url: str = "", **notice: Unpack[Notice]) -> Draft:
    """To every address on file: the lock is gone, the password stayed."""
    return _notice("account_was_unlocked", notice, name=name, kinds=",".join(methods), alarm_url=alarm_url)


def password_was_changed(*, name: str, alarm_url: str = "", **notice: Unpack[Notice]) -> Draft:
    """To every address on file: somebody who was signed in and knew the old password set a new one."""
    return _notice("password_was_changed", notice, name=name, alarm_url=alarm_url)


def administrator_was_reset(**notice: Unpack[Notice]) -> Draft:
    """To another administrator: one of them reset a password by self-service."""
    return _notice("administrator_was_reset", notice)


def contact_administrator(*, text: str, support_code: str, **notice: Unpack[Notice]) -> Draft:
    """To an administrator: somebody can't get in. `principal_name` and `text` are as typed, proved by nothing."""
    return _notice("contact_administrator", notice, text=text, support_code=support_code)


def authenticator_was_changed(*, kind: str, **notice: Unpack[Notice]) -> Draft:
    """To the addresses a person had before: staff added, changed or removed something that proves who they are."""
    return _notice("authenticator_was_changed", notice, kinds=kind)


def own_method_was_changed(*, change: str, kind: str, **notice: Unpack[Notice]) -> Draft:
    """To a person's other addresses: a method was `added`, `replaced` or `removed` by somebody signed in as this person."""
    return _notice("own_method_was_changed", notice, change=change, kinds=kind)


def access_pass_was_given(*, alone_at: datetime | None = None, **notice: Unpack[Notice]) -> Draft:
    """To every address on file: staff made a temporary access pass; or approved it, so that from `alone_at` on it sets a
    new password without another proof.
    """
    return _notice("access_pass_was_given", notice, **({"alone_at": alone_at.isoformat()} if alone_at else {}))


def alarm_was_raised(*, support_code: str = "", **notice: Unpack[Notice]) -> Draft:
    """To an administrator: the owner said *this wasn't me*; when and from where that was said."""
    return _notice("alarm_was_raised", notice, support_code=support_code)


def prompt(*, lifetime: timedelta, withheld: bool = False, **reader: Unpack[Reader]) -> Draft:
    """Wake a person's phones (`recipient`: what `channels.push.address_of` makes): somebody asks. Says neither who nor what."""
    return Draft(
        kind="prompt",
        channel=Channel.PUSH,
        recipient=reader["recipient"],
        language=reader["language"],
        tenant_id=reader["tenant_id"],
        lifetime=lifetime,
        correlation_id=reader.get("correlation_id"),
        user_id=reader.get("user_id"),
        withheld=withheld,
    )


def prompt_was_refused(*, reader_is_owner: bool, was_signed_in: bool, **notice: Unpack[Notice]) -> Draft:
    """To the owner's addresses, and to administrators: the owner said on the phone that it was somebody else who asked.

    `was_signed_in`: that one knew the password, and asked from inside the account.
    """
    reader = "owner" if reader_is_owner else "administrator"
    return _notice("prompt_was_refused", notice, reader=reader, was_signed_in="yes" if was_signed_in else "")


def routing_was_changed(*, what: str, lines: str, **notice: Unpack[Notice]) -> Draft:
    """To the other global administrators: `principal_name` changed what decides where passwords go.

    `what` is a sentence in the reader's language, `lines` the settings with old and new values, without secrets.
    """
    return _notice("routing_was_changed", notice, what=what, lines=lines)


def spend_alarm(*, sent: int, answered: int, **reader: Unpack[Reader]) -> Draft:
    """To an administrator: of the texts and calls of a day, so few were answered that somebody may earn by them."""
    return Draft(
        kind="spend_alarm",
        channel=Channel.EMAIL,
        recipient=reader["recipient"],
        language=reader["language"],
        tenant_id=reader["tenant_id"],
        lifetime=NOTICE_LIFETIME,
        context={"sent": str(sent), "answered": str(answered)},
        user_id=reader.get("user_id"),
    )


def _passcode(channel: Channel, code: str, lifetime: timedelta, withheld: bool, reader: Reader) -> Draft:
    minutes = max(1, int(lifetime.total_seconds() // 60))
    return Draft(
        kind="passcode",
        channel=channel,
        recipient=reader["recipient"],
        language=reader["language"],
        tenant_id=reader["tenant_id"],
        lifetime=lifetime,
        context={"code": code, "minutes": str(minutes)},
        correlation_id=reader.get("correlation_id"),
        user_id=reader.get("user_id"),
        withheld=withheld,
    )


def _notice(kind: str, notice: Notice, **context: str) -> Draft:
    circumstances = {
        "principal_name": notice["principal_name"],
        "when": notice["at"].isoformat(),
        "address": notice["address"],
        "client": notice["client"][:LONGEST_CLIENT],
    }
    return Draft(
        kind=kind,
        channel=Channel.EMAIL,
        recipient=notice["recipient"],
        language=notice["language"],
        tenant_id=notice["tenant_id"],
        lifetime=NOTICE_LIFETIME,
        context={**circumstances, **context},
        correlation_id=notice.get("correlation_id"),
        user_id=notice.get("user_id"),
    )
