"""Journeys as rows: the request, its challenges, the alarm link that goes with a reset."""

from reset.models.requests import Challenge, ResetRequest, State

__all__ = ["Challenge", "ResetRequest", "State"]
