"""Private local PostgreSQL servers: for the lab, the demo and the tests. They end with the program, however it ends."""
