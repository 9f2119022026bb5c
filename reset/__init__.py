"""Journeys of an end user, from a forgotten password to a new one."""
