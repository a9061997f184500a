"""Indexes that cost more than they bring, that are broken, or that are missing."""
