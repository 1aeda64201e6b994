"""What becomes of the product under load, too much load, an outage, and hours: `make soak`."""
