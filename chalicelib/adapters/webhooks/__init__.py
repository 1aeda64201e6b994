"""The servers of tenants, which may be anything."""
