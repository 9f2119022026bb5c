"""Who exists: tenants, users, groups, authenticators, audit; imports none of the other parts."""
