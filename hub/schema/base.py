"""What all tables have in common.

Times are seconds since the epoch by the hub's clock; JSON is kept as ASCII text, because PostgreSQL's own JSON types
take neither NUL nor a lone surrogate, and file metadata holds both.
"""

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

RowId = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER
