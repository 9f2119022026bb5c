"""How directories are reached, who may reach them for us, what is to be done there, and what came in from there."""

from writeback.models.agents import Agent
from writeback.models.connectors import Connector
from writeback.models.jobs import WritebackJob
from writeback.models.syncs import SyncConflict, SyncedEntry, SyncPage, SyncRun

__all__ = ["Agent", "Connector", "SyncConflict", "SyncPage", "SyncRun", "SyncedEntry", "WritebackJob"]
