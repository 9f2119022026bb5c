"""Importing users and groups from a CSV file: read, check, plan, write. Roles and passwords are never imported."""
