"""What other parts may want to hear of."""

from django.dispatch import Signal

provider_unreachable = Signal()
"""`channel`: nobody took a message, so others would fare the same just now. Sent by whoever tried, after it is written down."""
