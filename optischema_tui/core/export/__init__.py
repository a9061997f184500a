"""What leaves the program for people without it: tables as CSV, JSON and Markdown, reports as HTML and Markdown."""
