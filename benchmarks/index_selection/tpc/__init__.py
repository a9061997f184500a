"""TPC-H and TPC-DS: data, statements, tables."""
