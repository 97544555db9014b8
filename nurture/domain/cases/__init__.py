"""Test cases for sequences as a marketer writes them: who does what when, and what must come of it."""
