"""What is unwise about a policy, though it is allowed: shown after saving, blocks nothing. Pure, on plain data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.methods import KIND_OF, Method

USUAL_RECONFIRM_DAYS = range(90, 366)
Sentence = str | Promise


@dataclass(frozen=True)
class Draft:
    """A policy as its administrator just saved it. `required_before` is None for a new one.

    `without_passkey`: where nothing else than passkeys and their way back is allowed, how many people hold neither.
    """

    audience: str
    group_count: int
    priority: int
    methods: frozenset[str]
    methods_required: int
    registration_required: bool
    reconfirm_days: int
    notify_users: bool
    notify_administrators: bool
    required_before: int | None = None
    without_passkey: int = 0


@dataclass(frozen=True)
class Other:
    """Another policy of the same organisation."""

    name: str
    audience: str
    priority: int


def advise(draft: Draft, others: Sequence[Other] = ()) -> tuple[Sentence, ...]:
    """All that is unwise, what strands people first. Source: Entra's planning advice."""
    return (
        *_on_audience(draft, others),
        *_on_methods(draft),
        *_on_passkeys(draft),
        *_on_registration(draft),
        *_on_notices(draft),
    )


def is_for_passkeys_only(methods: Iterable[str]) -> bool:
    """Whether nobody can be talked out of a proof: passkeys, with recovery codes as the way back or without."""
    lasting = set(methods) - {Method.ACCESS_PASS}
    return Method.PASSKEY in lasting and lasting <= {Method.PASSKEY, Method.RECOVERY_CODE}


def _on_audience(draft: Draft, others: Sequence[Other]) -> list[Sentence]:
    advice: list[Sentence] = []
    if draft.audience == "groups" and not draft.group_count:
        advice.append(_("No group is chosen, so this policy covers nobody."))
    everybody = [other for other in others if other.audience == "everybody" and other.priority < draft.priority]
    if draft.audience != "nobody" and everybody:
        name = {"name": everybody[0].name}
        advice.append(_("“%(name)s” covers everybody and comes first, so this policy governs nobody.") % name)
    return advice


def _on_methods(draft: Draft) -> list[Sentence]:
    methods = draft.methods - {Method.ACCESS_PASS}  # nobody has one to rely on
    on_phone = methods & {Method.APP_CODE, Method.APP_NOTIFICATION}
    kinds = {KIND_OF[Method(method)] for method in methods if method in Method.values}
    checks: tuple[tuple[bool, Sentence], ...] = (
        (
            len(kinds) < draft.methods_required,
            _("Two methods of different kinds are required, but only one kind is allowed: nobody can reset."),
        ),
        (
            draft.required_before == 1 and draft.methods_required > 1,
            _("People who have registered only one method can't reset until they register another."),
        ),
        (
            len(kinds) == 1 and draft.methods_required == 1 and not is_for_passkeys_only(methods),
            _("Only one method is allowed. Whoever loses it can't get back in; allow a second one."),
        ),
        (
            bool(on_phone) and len(methods - on_phone) < draft.methods_required,
            _("A lost phone takes the authenticator app with it. Allow one more method beside the app."),
        ),
        (
            Method.QUESTIONS in draft.methods and draft.methods_required == 1,
            _(
                "Security questions are easily guessed by people who know somebody. "
                "Require two methods where they are allowed."
            ),
        ),
    )
    return [sentence for applies, sentence in checks if applies]


def _on_passkeys(draft: Draft) -> list[Sentence]:
    advice: list[Sentence] = []
    if not is_for_passkeys_only(draft.methods):
        return advice
    if Method.RECOVERY_CODE not in draft.methods:
        advice.append(
            _(
                "Only passkeys are allowed. Allow recovery codes too: they are the way back for whoever loses the device."
            )
        )
    if draft.without_passkey:
        sentence = ngettext(
            "%(number)d person under this policy has no passkey yet and can't reset until there is one.",
            "%(number)d people under this policy have no passkey yet and can't reset until there is one.",
            draft.without_passkey,
        )
        advice.append(sentence % {"number": draft.without_passkey})
    return advice


def _on_registration(draft: Draft) -> list[Sentence]:
    advice: list[Sentence] = []
    if not draft.registration_required:
        advice.append(_("People are not asked to register. Those who have nothing on file can't reset."))
    if draft.reconfirm_days not in USUAL_RECONFIRM_DAYS:
        advice.append(
            _("Numbers and addresses go out of date. Asking people to confirm them every 90 to 365 days is usual.")
        )
    return advice


def _on_notices(draft: Draft) -> list[Sentence]:
    advice: list[Sentence] = []
    if not draft.notify_users:
        advice.append(_("People won't hear that their password was reset, so they won't notice when it wasn't them."))
    if not draft.notify_administrators:
        advice.append(
            _("Administrators won't hear of each other's resets. An attacker would start with those accounts.")
        )
    return advice
