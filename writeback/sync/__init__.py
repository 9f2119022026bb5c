"""Bringing a directory's users, groups, nesting and contact data in: `run` for directories this server reaches, `inbox` for
what agents send.
"""

from writeback.sync import inbox
from writeback.sync.results import Busy, LeaseLost, Result, SyncStopped, TooManyDisabled
from writeback.sync.runs import run, since_of

__all__ = ["Busy", "LeaseLost", "Result", "SyncStopped", "TooManyDisabled", "inbox", "run", "since_of"]
