"""How a directory is doing, in six sentences. Source: Entra's status of password writeback (facts 5.9)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils.translation import gettext as _

from writeback.access import problems_of_servers
from writeback.agent.version import VERSION
from writeback.connectors.base import Reason
from writeback.models import Agent, Connector
from writeback.models.connectors import SEEN_WITHIN
from writeback.wording import CANNOT, REASONS, WARNINGS

# Agents that fall silent together rarely break together: what they talk to is more likely away.
TOGETHER = timedelta(minutes=1)


class State(StrEnum):
    RUNNING = "running"
    OLD_VERSION = "old_version"
    TOO_OLD = "too_old"
    UNREACHABLE = "unreachable"
    NOT_SET_UP = "not_set_up"
    OUR_SIDE = "our_side"


TONES = {State.RUNNING: "good", State.OLD_VERSION: "warn", State.OUR_SIDE: "bad"}
# What an administrator mends in the settings or in the directory; no waiting helps.
SETTING_REASONS = frozenset(
    {Reason.NOT_TRUSTED, Reason.NO_RIGHTS, Reason.WRONG_PASSWORD, Reason.NOT_FOUND, Reason.DISABLED, Reason.LOCKED}
)


@dataclass(frozen=True)
class Status:
    """`hint` says what to do, sentence by sentence. `code` is the directory's raw answer, for the operator."""

    state: State
    sentence: str
    hint: str = ""
    code: str = ""

    @property
    def tone(self) -> str:
        """good, warn or bad."""
        return TONES.get(self.state, "bad")


def status_of(connector: Connector, agents: Iterable[Agent], now: datetime) -> Status:
    """What holds now. Asks nothing: `connector` has its tenant loaded, `agents` are all of its agents."""
    if connector.way == Connector.Way.DIRECT:
        return _of_direct(connector, now)
    return _of_agents([agent for agent in agents if agent.status == Agent.Status.APPROVED], now)


def not_connected() -> Status:
    """Of a directory that nothing is known about but its name."""
    return _not_set_up(_("Nothing says how this directory is reached. Open it, fill in the page and save."))


def is_old(version: str) -> bool:
    """Whether an agent runs another, earlier version than the one that belongs to this server."""
    return _numbers(version) < _numbers(VERSION)


def is_too_old(version: str) -> bool:
    """Whether what such an agent reports can't be relied on: an earlier first number, or nothing readable."""
    return _numbers(version)[:1] < _numbers(VERSION)[:1]


def warnings_of(connector: Connector) -> list[str]:
    """What an administrator should know, one sentence each; also what the directory can't do."""
    seen = connector.seen
    named = [str(WARNINGS.get(word, word)) for word in seen.get("warnings", [])]
    able = seen.get("capabilities", {})
    return named + [str(text) for name, text in CANNOT.items() if able.get(name) is False]


def missing_of(connector: Connector) -> list[str]:
    """What the direct way still needs, one sentence each."""
    if not connector.tenant.may_connect_directly:
        return [_("The operator of this server has not allowed this organisation to connect directories to it.")]
    missing = problems_of_servers(connector.servers)
    if not connector.base_dn:
        missing.append(_("The base DN is missing."))
    if not connector.account:
        missing.append(_("The service account is missing."))
    elif not connector.sealed_password:
        missing.append(_("The service account's password is missing."))
    return missing


# --- directories that this server reaches -----------------------------------------------------------------------------


def _of_direct(connector: Connector, now: datetime) -> Status:
    missing = missing_of(connector)
    if missing:
        return _not_set_up(" ".join(missing))
    if connector.looked_at is None or connector.looked_at + SEEN_WITHIN <= now:
        return _our_side(_("No worker has looked at this directory lately. Check that the worker runs."))
    if connector.was_reached(now):
        return _running()
    return _of_answer(connector.answer)


def _of_answer(answer: str) -> Status:
    """From what a look came back with: `reason: code`, or a sentence about the settings."""
    reason, _colon, code = answer.partition(":")
    if not answer:
        return _unreachable("", _("The last look has not ended yet."))
    if reason not in set(Reason):
        return _not_set_up(answer)
    if reason == Reason.NOT_SUPPORTED:
        return _our_side(_("The worker can't speak to directories."), code.strip())
    if reason == Reason.UNREACHABLE:
        return _unreachable(answer, _("Check that its servers run and that nothing on the way to them blocks it."))
    told = str(REASONS[reason])
    return _not_set_up(told, answer) if reason in SETTING_REASONS else _unreachable(answer, told)


# --- directories that agents reach ------------------------------------------------------------------------------------


def _of_agents(approved: Sequence[Agent], now: datetime) -> Status:
    if not approved:
        return _not_set_up(_("No agent is approved. Invite one, set it up, then approve it here."))
    heard = [agent for agent in approved if agent.is_heard(now)]
    if not heard:
        return _of_silent(approved)
    if all(is_too_old(agent.version) for agent in heard):
        return Status(
            State.TOO_OLD,
            _("The agent's version is too old to say whether the directory can be reached."),
            _("Update the agents."),
        )
    reaching = [agent for agent in heard if agent.is_reaching and not is_too_old(agent.version)]
    if not reaching:
        return _of_answer(str(heard[0].report.get("answer", "")))
    if any(is_old(agent.version) for agent in heard):
        return Status(
            State.OLD_VERSION,
            _("Online and connected, but an agent's version is old."),
            _("Update it to %(version)s soon.") % {"version": VERSION},
        )
    return _running()


def _of_silent(approved: Sequence[Agent]) -> Status:
    known = [agent.seen_at for agent in approved if agent.seen_at is not None]
    if not known:
        return _not_set_up(_("The approved agent has not been heard from yet. Start it on its machine."))
    if len(known) > 1 and max(known) - min(known) <= TOGETHER:
        return _our_side(_("All agents fell silent together. Check that the agents process runs here."))
    return _unreachable("", _("No agent is heard from. Check that it runs and gets out by HTTPS."))


# --- the six ----------------------------------------------------------------------------------------------------------


def _running() -> Status:
    return Status(State.RUNNING, _("Up and running."))


def _unreachable(code: str, hint: str) -> Status:
    return Status(State.UNREACHABLE, _("The directory can't be reached now."), hint, code)


def _not_set_up(hint: str, code: str = "") -> Status:
    return Status(State.NOT_SET_UP, _("The directory can't be reached: it is not set up properly."), hint, code)


def _our_side(hint: str, code: str = "") -> Status:
    return Status(
        State.OUR_SIDE, _("Whether the directory can be reached is not known; it may be on our side."), hint, code
    )


def _numbers(version: str) -> tuple[int, ...]:
    """Comparable; nothing readable comes before everything."""
    parts = version.split(".")
    readable = all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts)
    return tuple(int(part) for part in parts) if readable else ()
