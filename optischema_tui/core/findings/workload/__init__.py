"""Smells of how the applications use the database, each with the figures it shows by."""
