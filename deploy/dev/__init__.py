"""`make dev`: a real Kafka and a real Redis on this machine, and the worker between them."""
