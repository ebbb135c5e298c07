"""Files of columns: Parquet, as source and sink. Needs the extra `parquet`."""

from rivusio_plugins_contrib.files.parquet import Parquet

__all__ = ["Parquet"]
