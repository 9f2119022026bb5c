"""What writeback says upwards. `reset/receivers.py` listens."""

from django.dispatch import Signal

# Sent with `job`, inside the transaction that ended it: the outcome may come from a worker, from an agent or from the sweep.
job_finished = Signal()

# In the transaction that changed them: `tenant`, and `people` (`accounts.importing.replacing.Replaced`) whose phone from the
# directory gave way to another one or was taken away. Receivers return how many of them are told.
values_replaced = Signal()
