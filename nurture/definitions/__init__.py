"""YAML to definitions: reading with source positions, every mistake at once, and JSON Schemas for editors."""
