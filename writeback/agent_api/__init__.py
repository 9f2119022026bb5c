"""What agents talk to: a process of its own, so that requests that wait cost no page anything."""
