"""Kafka: lanes that read, transactions that write, and what a cluster must have for both."""
