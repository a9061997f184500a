"""Vacuum, freezing, statistics, sequences: what keeps tables in order."""
