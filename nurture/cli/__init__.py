"""The command line, thin over the same parts that the workers use."""
