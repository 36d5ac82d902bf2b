"""Training methods compared on adaptation tasks: ``python benchmarks/efficacy``."""
