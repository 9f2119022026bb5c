"""Why this person can or can't reset, line by line, each with what would change it. Pure, on plain data.

Used by `explain_user` and by the console; it decides nothing itself but asks `policy.decisions`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.facts import AuthenticatorFacts, UserFacts
from accounts.methods import AuthenticatorType, Method
from accounts.roles import Role
from policy.decisions import (
    ADMINISTRATOR_METHODS,
    Authority,
    Decision,
    PolicyFacts,
    Refusal,
    TenantFacts,
    decide_reset,
    governing_policy,
    questions_asked_of,
)
from policy.signin import NOBODY_IS_ASKED, SignInRuleFacts, decide_sign_in

Text = str | Promise


@dataclass(frozen=True)
class Line:
    """One thing that matters: what it is about, how it stands, and (where it stands in the way) what would help."""

    label: Text
    verdict: Text
    cure: Text = ""


@dataclass(frozen=True)
class Situation:
    """All that is asked about one person. `is_blocked`: strangers' browsers have used up the account's failures."""

    user: UserFacts | None
    policies: Sequence[PolicyFacts]
    tenant: TenantFacts
    authority: Authority
    imported_counts: bool
    is_blocked: bool = False
    is_locked_out: bool = False
    sign_in_rule: SignInRuleFacts = NOBODY_IS_ASKED


REASONS: dict[Refusal, tuple[Text, Text]] = {
    Refusal.UNKNOWN: (_("nobody has this name"), _("Check how the name is written.")),
    Refusal.DISABLED: (_("the account is disabled"), _("Enable the account.")),
    Refusal.PROTECTED: (_("the account is protected"), _("Take the protection off the account.")),
    Refusal.EXTERNAL: (
        _("the password is kept at another organisation"),
        _("Send the person to the home organisation's reset page."),
    ),
    Refusal.PAUSED: (
        _("the person said that a reset was not theirs"),
        _("Talk to the person, then unblock the account."),
    ),
    Refusal.ADMINISTRATORS_MAY_NOT: (
        _("administrators may not reset by self-service"),
        _("Let administrators reset by self-service (in the organisation's settings), or reset it for them."),
    ),
    Refusal.NO_POLICY: (_("no policy lets anybody reset"), _("Choose an audience in a reset policy.")),
    Refusal.OUT_OF_SCOPE: (
        _("no policy covers this person"),
        _("Add the person to a group that a policy covers, or widen a policy."),
    ),
    Refusal.TOO_FEW_METHODS: (
        _("too few usable methods"),
        _("Add another kind of proof for the person, or allow a method they have."),
    ),
    Refusal.UNLOCK_NOT_ALLOWED: (
        _("unlocking without a new password is off"),
        _("Switch it on in the policy; a reset with a new password clears the lock too."),
    ),
    Refusal.DIRECTORY_NOT_CONNECTED: (
        _("the password is kept in a directory, and writeback is not set up or off"),
        _("Connect the directory and switch writeback on."),
    ),
    Refusal.DIRECTORY_UNREACHABLE: (
        _("the directory that keeps the password can't be reached just now"),
        _("Look at the directory's status: its servers, or its agents."),
    ),
    Refusal.CANNOT_CHANGE_PASSWORD: (
        _("the directory says that this person may not change the password"),
        _("Take “user cannot change password” off the account in the directory; an administrator's reset works."),
    ),
    Refusal.BLOCKED: (
        _("too many failed proofs in 24 hours"),
        _("Wait until they are over, or unblock the account."),
    ),
}


def explain(situation: Situation) -> tuple[Line, ...]:
    """The whole decision: account, policies, proofs, and the answer for a reset and for an unlock."""
    user = situation.user
    if user is None:
        return tuple(_answer(_("Reset"), Decision((Refusal.UNKNOWN,))))
    return (
        *_account(user, situation),
        *_policies(user, situation),
        *_proofs(user, situation),
        *_answers(user, situation),
        *_second_proof(user, situation.sign_in_rule),
    )


def _second_proof(user: UserFacts, rule: SignInRuleFacts) -> Iterator[Line]:
    """What comes after the right password, where the rule covers the person."""
    label, decision = _("Second proof at sign-in"), decide_sign_in(user, rule)
    if decision.offers:
        methods = ", ".join(dict.fromkeys(str(offer.method.label) for offer in decision.offers))
        yield Line(label, format_lazy(_("asked for, and possible with: {methods}"), methods=methods))
    elif decision.is_stranded:
        yield Line(
            label,
            _("asked for, but nothing registered for it works here just now"),
            _("Look at the settings of text messages, calls and passkeys."),
        )
    elif decision.asks_to_register:
        yield Line(label, _("asked for; the person has none and registers one at the next sign-in"))


def _account(user: UserFacts, situation: Situation) -> Iterator[Line]:
    yield _state(_("Account"), not user.is_enabled, _("enabled"), Refusal.DISABLED)
    yield _state(_("Protection"), user.is_protected, _("none"), Refusal.PROTECTED)
    yield _state(_("Self-service"), user.is_paused, _("not paused"), Refusal.PAUSED)
    yield _password_place(user, situation.authority)
    yield _state(_("Failed proofs"), situation.is_blocked, _("not too many"), Refusal.BLOCKED)
    if situation.is_locked_out:
        yield Line(
            _("Sign-in"),
            _("locked after wrong passwords"),
            _("A reset or an unlock clears it, or unblock the account."),
        )
    if user.is_administrator:
        names: list[Text] = [str(Role(role).label) for role in sorted(user.roles)]
        yield Line(
            _("Administrator"),
            format_lazy(_("{roles}: needs two kinds out of e-mail, phone and app"), roles=", ".join(map(str, names))),
        )


def _state(label: Text, stands_in_the_way: bool, good: Text, refusal: Refusal) -> Line:
    return Line(label, *REASONS[refusal]) if stands_in_the_way else Line(label, good)


def _password_place(user: UserFacts, authority: Authority) -> Line:
    label = _("Password")
    if user.is_external or authority.external_name:
        return Line(label, *REASONS[Refusal.EXTERNAL])
    if user.in_directory or authority.is_directory:
        if not authority.is_writable:
            return Line(label, *REASONS[authority.refusal])
        return _state(label, user.cannot_change, _("kept in a directory"), Refusal.CANNOT_CHANGE_PASSWORD)
    return Line(label, _("kept here"))


def _policies(user: UserFacts, situation: Situation) -> Iterator[Line]:
    governing = governing_policy(user, situation.policies)
    for policy in situation.policies:
        label = format_lazy(_("Policy “{name}”"), name=policy.name)
        if policy == governing and not user.is_administrator:
            yield Line(label, format_lazy(_("governs: {proofs}"), proofs=_needed(policy.methods_required)))
        elif policy.audience == "nobody":
            yield Line(label, _("covers nobody"))
        elif policy.audience == "everybody" or policy.group_ids & user.group_ids:
            yield Line(label, _("covers the person, but does not govern"))
        else:
            yield Line(label, _("the person is in none of its groups"))
    if not situation.policies:
        yield Line(_("Policies"), *REASONS[Refusal.NO_POLICY])


def _needed(number: int) -> Text:
    return ngettext_lazy("%(number)s proof", "%(number)s proofs of different kinds", "number") % {"number": number}


def _proofs(user: UserFacts, situation: Situation) -> Iterator[Line]:
    governing = governing_policy(user, situation.policies)
    allowed = ADMINISTRATOR_METHODS if user.is_administrator else governing.methods if governing else ()
    for authenticator in user.authenticators:
        label = f"{authenticator.type.label} {authenticator.mask}".strip()
        yield Line(label, *_standing(authenticator, allowed, situation.imported_counts, questions_asked_of(governing)))
    if not user.authenticators:
        yield Line(_("Proofs"), _("none is registered"), _("Import or add an e-mail address or a phone number."))


def _standing(
    authenticator: AuthenticatorFacts, allowed: Sequence[Method], imported_counts: bool, questions_asked: int
) -> tuple[Text, Text]:
    """Whether it counts, and what would make it count."""
    if not authenticator.methods:
        return _("does not count: no method uses it"), ""
    if not authenticator.is_readable:
        return (
            _("does not count: it can't be read"),
            _("Put the old key back into SEALING_KEYS, or delete it and register it anew."),
        )
    if authenticator.type == AuthenticatorType.ACCESS_PASS and not authenticator.counts:
        return _("does not count: it was used, or its time is over"), _("Make a new one.")
    if not authenticator.counts:
        if imported_counts:
            return _("does not count: somebody else changed it less than 72 hours ago"), _("Wait until they are over.")
        return _("does not count: the person never confirmed it"), _("Let imported methods count in this organisation.")
    if not authenticator.proves(questions_asked):
        return _("does not count: fewer questions are answered than are asked"), _("Answer the questions anew.")
    usable = [method for method in authenticator.methods if method in allowed]
    if not usable:
        return _("does not count: its method is not allowed"), _("Allow the method in the policy.")
    if authenticator.type == AuthenticatorType.ACCESS_PASS and not authenticator.stands_alone:
        return _("counts beside another proof"), _("A second member of staff may approve it to count alone.")
    return format_lazy(_("counts: {methods}"), methods=", ".join(str(method.label) for method in usable)), ""


def _answers(user: UserFacts, situation: Situation) -> Iterator[Line]:
    for label, unlock in ((_("Reset"), False), (_("Unlock"), True)):
        decision = decide_reset(user, situation.policies, situation.tenant, situation.authority, unlock)
        if situation.is_blocked:
            decision = Decision((*decision.refusals, Refusal.BLOCKED), decision.gates_required, decision.offers)
        yield from _answer(label, decision)


def _answer(label: Text, decision: Decision) -> Iterator[Line]:
    if decision.is_allowed:
        kinds = ", ".join(dict.fromkeys(str(offer.kind.label) for offer in decision.offers))
        proofs = _needed(decision.gates_required)
        yield Line(label, format_lazy(_("possible, with {proofs} out of: {kinds}"), proofs=proofs, kinds=kinds))
    for refusal in decision.refusals:
        reason, cure = REASONS[refusal]
        yield Line(label, format_lazy(_("not possible: {reason}"), reason=reason), cure)
