"""Console pages of people, tenants and the audit trail. They are wired to the site in `reset/console/site.py`."""
