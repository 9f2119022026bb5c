"""What is allowed: policies, decisions, throttles, password rules."""
