"""`python -m writeback.agent enrol|run|check|roll|status|acl`."""

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Callable, Sequence

from accounts.memory import keep_out_of_core_dumps
from writeback.agent import checking, configuration, enrolling, limits, protocol, rolling
from writeback.agent.bringing_in import bring_in
from writeback.agent.carrying import Means
from writeback.agent.client import Client, NotKnown, NotReached, NotTaken, NotThere, Signer
from writeback.agent.configuration import Configuration, Unusable
from writeback.agent.running import Agent
from writeback.agent.state import State
from writeback.agent.version import VERSION
from writeback.connectors import acl
from writeback.connectors.base import Connector, DirectoryError
from writeback.connectors.finding import connector_for

GOOD, WARNED, UNUSABLE, NO_ANSWER = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 good, 1 with warnings, 2 can't work like this, 3 no answer from the other side."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    os.umask(0o077)
    keep_out_of_core_dumps()
    try:
        return COMMANDS[options.command](configuration.read(options.config), options)
    except Unusable as error:
        return _ends(str(error), UNUSABLE)
    except DirectoryError as error:
        return _ends(checking.explained(error), NO_ANSWER)
    except NotReached as error:
        return _ends(f"The server was not reached: {error}.", NO_ANSWER)
    except (NotKnown, NotThere, NotTaken):
        return _ends("The server doesn't know this agent: not enrolled there, or revoked.", NO_ANSWER)


def enrol(config: Configuration, options: argparse.Namespace) -> int:
    """The code comes from a file or is typed: in the list of processes everybody would see it."""
    if options.code_file:
        code = configuration.secret_in(options.code_file)
    elif sys.stdin.isatty():
        code = getpass.getpass("One-time code: ")
    else:
        code = sys.stdin.readline().strip()
    state = enrolling.enrol(config, code)
    enrolled = state.enrolment
    _say(f"Enrolled as {enrolled.name} for {enrolled.directory} of {enrolled.organisation}. Fingerprint:")
    _say(f"  {state.keys.fingerprint(enrolled.server_key)}")
    _say("Compare it with the one at the server, approve the agent there, then start run.")
    return GOOD


def run(config: Configuration, options: argparse.Namespace) -> int:
    state = _state(config)
    cap = limits.Cap(config.most_resets_per_minute)
    client = Client(config, signer(state))
    means = Means(client, state, cap, connects(config), reads(config, client))
    if state.coming is not None:
        rolling.settle(means.client, state)
    agent = Agent(means, config.threads)
    agent.stop_on_signals()
    logging.info("Agent %s of %s, version %s", state.enrolment.name, state.enrolment.directory, VERSION)
    agent.run()
    return GOOD


def check(config: Configuration, options: argparse.Namespace) -> int:
    found = list(checking.findings(config, connects(config)))
    for sentence in found:
        _say(f"{'WARNING' if isinstance(sentence, checking.Finding) else 'ok     '}  {sentence}")
    return WARNED if any(isinstance(sentence, checking.Finding) for sentence in found) else GOOD


def roll(config: Configuration, options: argparse.Namespace) -> int:
    state = _state(config)
    if not rolling.roll(Client(config, signer(state)), state):
        return _ends("The new keys were not taken; the old ones stay in use. Try again.", NO_ANSWER)
    _say(f"New keys are in use. Fingerprint: {state.keys.fingerprint(state.enrolment.server_key)}")
    _say("An agent that runs with the old ones has to be restarted.")
    return GOOD


def status(config: Configuration, options: argparse.Namespace) -> int:
    state = _state(config)
    answer = Client(config, signer(state)).ask(protocol.STATUS, {})
    _say(f"{state.enrolment.name}: {str(answer.get('status'))[:20]}.")
    _say(f"Fingerprint: {state.keys.fingerprint(state.enrolment.server_key)}")
    if answer.get("current_version") != VERSION:
        _say(f"This is version {VERSION}; the server has {str(answer.get('current_version'))[:20]}.")
        return WARNED
    return GOOD


def print_acl(config: Configuration, options: argparse.Namespace) -> int:
    wanted = acl.Wanted(config.access.account, options.ou or config.limit_dn, options.login)
    try:
        _say(acl.rights(config.access.kind, wanted))
    except acl.Unprintable:
        return _ends("A name in it could not be written safely into a command. Give --ou without quotes.", UNUSABLE)
    return GOOD


Command = Callable[[Configuration, argparse.Namespace], int]
COMMANDS: dict[str, Command] = {
    "enrol": enrol,
    "run": run,
    "check": check,
    "roll": roll,
    "status": status,
    "acl": print_acl,
}


def signer(state: State) -> Signer:
    """Who signs: with the keys that the state has at that moment."""
    return lambda: (str(state.enrolment.agent), state.keys.signing)


def connects(config: Configuration) -> Callable[[], Connector]:
    """The directory, with the agent's own limit around it."""
    return lambda: limits.Limited(connector_for(config.access), config.limit_dn)


def reads(config: Configuration, client: Client) -> Callable[[object], bool]:
    """Brings people and groups in, within the agent's own limit."""
    return lambda wanted: bring_in(client, config.access, wanted, config.limit_dn)


def _state(config: Configuration) -> State:
    state = State.load(config.state_directory)
    if state.enrolment.server != config.server:
        raise Unusable(f"This agent enrolled at {state.enrolment.server}, and server is {config.server}.")
    if state.enrolment.kind != config.access.kind:
        raise Unusable(f"The server knows this directory as {state.enrolment.kind}; kind is {config.access.kind}.")
    return state


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m writeback.agent", description="Rekey's agent.")
    parser.add_argument("--config", default=configuration.DEFAULT_PATH, help=configuration.DEFAULT_PATH)
    commands = parser.add_subparsers(dest="command", required=True)
    newcomer = commands.add_parser("enrol", help="take a one-time code to the server and make keys")
    newcomer.add_argument("--code-file", help="a file with the code; without it, it is asked for")
    commands.add_parser("run", help="wait for jobs and carry them out")
    commands.add_parser("check", help="say what the service account may do, and warn of too much")
    commands.add_parser("roll", help="make new keys")
    commands.add_parser("status", help="ask whether the agent is approved")
    rights = commands.add_parser("acl", help="print the rights that the service account needs")
    rights.add_argument("--ou", help="where the people are; limit_dn if left out")
    rights.add_argument("--login", default=acl.Wanted.login, help=r"the account as Windows writes it: CORP\rekey")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _ends(text: str, code: int) -> int:
    sys.stderr.write(text + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
