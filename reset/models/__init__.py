"""Journeys as rows: the request, its challenges, and the challenges of people who are signed in."""

from reset.models.own_challenges import OwnChallenge
from reset.models.requests import Challenge, ResetRequest, State

__all__ = ["Challenge", "OwnChallenge", "ResetRequest", "State"]
