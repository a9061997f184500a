"""The use cases: each joins rooms for one thing a person wants, for the screens and for the headless twins alike."""
