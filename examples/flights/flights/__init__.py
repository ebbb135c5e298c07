"""A year of flights out of New York, from raw CSV to hourly figures, worst routes, and a picture."""
