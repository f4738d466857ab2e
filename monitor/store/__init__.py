"""Everything that is kept: posts, predictions, labels, daily figures and the program's own state.

`store.py` writes, `queries.py` reads, `values.py` has what both hand over; SQLite and PostgreSQL.
"""
