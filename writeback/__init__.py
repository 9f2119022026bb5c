"""Putting the password where it belongs."""
