"""Pure decisions: standard library and Pydantic models only; no clock, no randomness, no logging, no I/O."""
