"""What crosses a wire: pydantic models, one module per record."""
