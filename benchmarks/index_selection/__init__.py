"""Index advisors on the same data, budgets and judge. See README.md."""
