"""Facts in, findings out: each rule names what it found, what it costs, and what it rests on."""
