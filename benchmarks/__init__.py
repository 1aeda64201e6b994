"""What a turn costs, measured: `make bench` prints it as JSON lines and rewrites docs/benchmarks.md."""
