"""What those above writeback may listen to."""

from django.dispatch import Signal

# In the transaction that changed them: `tenant`, and `people` (`accounts.importing.replacing.Replaced`) whose phone from the
# directory gave way to another one or was taken away. Receivers return how many of them are told.
values_replaced = Signal()
