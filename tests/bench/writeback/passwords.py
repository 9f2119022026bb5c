"""Passwords that every directory of the bench takes."""

import secrets


def new_password() -> str:
    """Of all four kinds of characters, as Active Directory wants three of them."""
    return f"Aa1-{secrets.token_urlsafe(12)}"
