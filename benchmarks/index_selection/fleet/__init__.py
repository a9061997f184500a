"""Telemetry and ticketing for many tenants of very different size: 14 tables, with a few indexes someone once made."""
