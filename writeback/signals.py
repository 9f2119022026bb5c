"""The one thing that writeback says upwards. `reset/receivers.py` listens."""

from django.dispatch import Signal

# Sent with `job`, inside the transaction that ended it: the outcome may come from a worker, from an agent or from the sweep.
job_finished = Signal()
