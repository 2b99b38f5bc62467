"""The report of a replay: one HTML page that needs nothing else."""
