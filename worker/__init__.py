"""Run experiments on the stream of authentication events."""
