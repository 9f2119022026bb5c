"""How directories are reached, who may reach them for us, and what is to be done there."""

from writeback.models.agents import Agent
from writeback.models.connectors import Connector
from writeback.models.jobs import WritebackJob

__all__ = ["Agent", "Connector", "WritebackJob"]
