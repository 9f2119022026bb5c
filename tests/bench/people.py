"""Whom the bench resets: people spread evenly over everybody, each at most a few times."""

DOMAIN = "acme.example"
HOME = "home.example"
POOL = 10_000
PRIME = 7919


def stride(users: int) -> int:
    """How far apart two people of the pool are."""
    return max(1, users // POOL)


def number_of(journey: int, users: int) -> int:
    """Whom the journey with this number is about; neighbours in time lie far apart in the tables."""
    pool = users // stride(users)
    return journey * PRIME % pool * stride(users)
