"""How the worker is deployed and run in development."""
