"""The agent: carries out jobs in a directory that the server can't reach, and only dials out. No Django here."""
