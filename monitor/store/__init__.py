"""Everything that is kept: posts, predictions, labels, daily figures and the program's own state.

`store.py` writes, `queries.py` reads, `values.py` has what both hand over; SQLite and PostgreSQL.
Accounts, the labelling desk, tasks and incidents have a file each with reads and writes together.
"""

from monitor.store import face_rows, rows  # every table is known once the package is

__all__ = ["face_rows", "rows"]
