"""New keys in place of the old: kept before the server hears of them, taken when it has them, whatever gets lost between."""

import logging

from writeback.agent import protocol
from writeback.agent.client import Client, NotKnown, NotReached, NotTaken, NotThere
from writeback.agent.state import State

logger = logging.getLogger(__name__)


def roll(client: Client, state: State) -> bool:
    """Whether the new keys are in use now. `client` signs with what `signer(state)` gives."""
    fresh = state.announce_new()
    sealing, signing = fresh.sealing.public, fresh.public_signing
    proof = fresh.signing.sign(protocol.rolled_text(state.enrolment.agent, sealing, signing))
    texts = {"sealing": sealing, "signing": signing, "proof": proof}
    try:
        client.ask(protocol.ROLL, {name: protocol.to_text(data) for name, data in texts.items()})
    except NotKnown:
        # An earlier answer got lost: the server may know the new keys alone by now.
        return settle(client, state)
    except (NotReached, NotThere, NotTaken) as error:
        logger.warning("New keys were not taken yet: %s", error)
        return False
    state.take_new()
    logger.info("New keys are in use. Fingerprint: %s", state.keys.fingerprint(state.enrolment.server_key))
    return True


def settle(client: Client, state: State) -> bool:
    """Find out whether the server has the keys that were on their way when something got lost."""
    if state.coming is None:
        return False
    old, state.keys = state.keys, state.coming
    try:
        client.ask(protocol.STATUS, {})
    except (NotReached, NotKnown, NotThere, NotTaken):
        state.keys = old
        return False
    state.keys = old
    state.take_new()
    logger.info("New keys are in use. Fingerprint: %s", state.keys.fingerprint(state.enrolment.server_key))
    return True
