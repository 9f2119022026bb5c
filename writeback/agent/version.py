"""The version of the agent. The server says when an agent's is not the one it ships; nothing updates itself."""

VERSION = "1.0.0"
