"""The first page's work: counting the start, asking who keeps the password, and writing the request, real or decoy."""

import secrets as random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from accounts import audit, people, tenants
from accounts.audit import Activity, Event
from accounts.identifiers import moment_of
from accounts.inserting import insert
from accounts.models import Tenant, User
from accounts.visitor import Visitor
from policy import throttle
from policy.decisions import Authority, Decision, Refusal
from policy.throttle import Use
from reset import snapshot
from reset.browsers import KnownBrowser
from reset.models import ResetRequest, State
from reset.requests import TooOften, new_secret
from reset.snapshot import Snapshot
from writeback import jobs

REQUEST_LIFETIME = timedelta(minutes=15)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Beginning:
    """What a person typed on the first page, and from where."""

    typed: str
    trouble: str
    visitor: Visitor
    language: str
    browser: KnownBrowser
    tenant: Tenant | None = None


def find(typed: str, tenant: Tenant | None) -> people.Found:
    """Whom a typed name means. Without a known domain: in the only tenant, where there is one and it is a workforce."""
    found = people.find(typed, tenant)
    if found.tenant is not None or tenant is not None:
        return found
    only = tenants.find_only()
    return people.find(typed, only) if only is not None and only.kind == Tenant.Kind.WORKFORCE else found


def count_start(visitor: Visitor, failures: str, now: datetime) -> bool:
    """Count a start from this address; say whether the account has used up its failures. Raises TooOften."""
    started, pause, failed = throttle.count(
        Use(throttle.STARTS_FROM_ADDRESS, visitor.network),
        Use(throttle.PAUSE_OF_ADDRESS, visitor.network, 0),
        Use(throttle.FAILURES_OF_ACCOUNT, failures, 0),
        now=now,
    )
    for state in (started, pause):
        if state.is_over:
            raise TooOften(state.ends_at)
    return failed.is_used_up


def authority_of(found: people.Found, now: datetime) -> Authority:
    """Who keeps the passwords of the typed name."""
    available = jobs.availability(found, now)
    domain = found.domain
    external = domain if domain is not None and domain.authority == domain.Authority.EXTERNAL else None
    return Authority(
        external_name=external.home_name if external else "",
        external_url=external.home_url if external else "",
        is_directory=available.is_directory,
        is_writable=available.is_writable,
        is_domains_writable=available.domain_is_writable,
        is_connected=not available.is_off,
    )


def shape(request: ResetRequest, decision: Decision, found: people.Found, authority: Authority) -> None:
    """Real, decoy, or over at once. What depends on the domain is said for every name under it."""
    if authority.external_name:
        request.state, request.reason = State.FAILED, Refusal.EXTERNAL
        request.snapshot = {"home": {"name": authority.external_name, "url": authority.external_url}}
    elif not authority.is_domains_writable:
        request.state, request.reason = State.FAILED, authority.refusal
    elif decision.is_allowed and found.user is not None:
        request.user, request.epoch = found.user, found.user.credentials_epoch
        request.gates_required = decision.gates_required
        request.snapshot = snapshot.of_decision(decision).as_json()
    elif request.tenant.disclosure == Tenant.Disclosure.HELPFUL:
        request.state, request.reason = State.FAILED, decision.refusals[0]
        request.user = found.user


def store(request: ResetRequest, beginning: Beginning, decision: Decision, user: User | None, now: datetime) -> str:
    secret = new_secret(request)
    request.created_at, request.expires_at = moment_of(request.pk), now + REQUEST_LIFETIME
    request.ended_at = now if request.state == State.FAILED else None
    request.trouble, request.language = beginning.trouble, beginning.language
    request.client_address, request.user_agent = beginning.visitor.address, beginning.visitor.user_agent[:300]
    code = "".join(random.choice(CROCKFORD) for _ in range(8))
    request.support_code = f"{code[:4]}-{code[4:]}"
    reason = decision.refusals[0] if decision.refusals else ""
    submitted = Event(
        Activity.USER_ID_SUBMITTED,
        request.tenant_id,
        succeeded=decision.is_allowed,
        reason=reason,
        correlation_id=request.pk,
        target=user,
        target_name=beginning.typed,
        visitor=beginning.visitor,
        details={"trouble": request.trouble, "refusals": list(decision.refusals)},
    )
    following = Activity.RESET_BLOCKED if Refusal.BLOCKED in decision.refusals else Activity.OPTIONS_PRESENTED
    methods = [offer.method for offer in Snapshot.from_json(request.snapshot).offers]
    presented = replace(submitted, activity=following, details={"methods": methods})
    insert([request], audit.rows(submitted, presented))
    return secret
