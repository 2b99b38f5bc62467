"""Logs and what else tells of the worker from outside."""
