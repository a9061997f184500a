"""optischema-tui: observe, advise with proof, apply with consent, and show whether it helped."""

__version__ = "0.1.0"
