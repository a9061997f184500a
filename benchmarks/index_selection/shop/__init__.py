"""A web shop: 15 tables with their keys, and what its site, back office and jobs run."""
