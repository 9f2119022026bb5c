"""`make run-hybrid`: Rekey with a private Active Directory beside it, connected through an agent, to see writeback work."""
