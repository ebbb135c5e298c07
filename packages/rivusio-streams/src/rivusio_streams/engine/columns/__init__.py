"""How steps over batches of columns run. Imports polars: it is imported where a flow has such a step."""
