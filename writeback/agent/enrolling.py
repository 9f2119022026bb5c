"""Coming in: a one-time code against an agent's number and the server's key, which is pinned from then on."""

from writeback.agent import protocol, state
from writeback.agent.client import Client, NotKnown, NotTaken, NotThere
from writeback.agent.configuration import Configuration, Unusable
from writeback.agent.state import Enrolment, Keys, State
from writeback.agent.version import VERSION


def enrol(config: Configuration, code: str) -> State:
    """Raises Unusable, or NotReached."""
    state.prepare(config.state_directory)
    if (config.state_directory / state.NAME).exists():
        raise Unusable(f"There is a {state.NAME} in {config.state_directory} already. Move it away to enrol anew.")
    keys = Keys.make()
    client = Client(config, lambda: (protocol.NEWCOMER, keys.signing))
    content = {
        "code": code,
        "version": VERSION,
        "sealing": protocol.to_text(keys.sealing.public),
        "signing": protocol.to_text(keys.public_signing),
    }
    try:
        answer = client.ask(protocol.ENROL, content)
        enrolment = Enrolment.from_json(answer | {"server": config.server})
    except NotKnown:
        raise Unusable("The code is not right, was used already, or is too old. Have the agent invited anew.") from None
    except (NotThere, NotTaken, protocol.Malformed):
        raise Unusable(f"There is no Rekey server for agents at {config.server}.") from None
    enrolled = State(config.state_directory, enrolment, keys)
    enrolled.save()
    if enrolment.kind != config.access.kind:
        raise Unusable(f"Enrolled, but the server knows this directory as {enrolment.kind}. Correct directory.kind.")
    return enrolled
