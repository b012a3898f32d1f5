"""The shapes of what programs send and get; pydantic checks what comes in."""
