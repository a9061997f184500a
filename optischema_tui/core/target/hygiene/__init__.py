"""What finding faults of a target needs beyond what is collected all the time: bounded, read-only questions."""
