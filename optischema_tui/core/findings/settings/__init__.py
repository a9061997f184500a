"""Settings that cost the server something that was seen."""
