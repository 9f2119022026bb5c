"""What an agent that is known can be told besides an answer."""


class NotFound(Exception):
    """This agent has no such job or run."""


class NotAllowed(Exception):
    """The agent is known, and this can't be done as things are. The text is for its log."""
