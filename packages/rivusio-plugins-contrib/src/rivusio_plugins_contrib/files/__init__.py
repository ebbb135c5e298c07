"""Files of columns: Parquet, as source and sink. Needs the extra `parquet`; for batches of columns, `columns`."""

from rivusio_plugins_contrib.files.parquet import Parquet
from rivusio_plugins_contrib.files.parquet_columns import ParquetColumns

__all__ = ["Parquet", "ParquetColumns"]
