"""Queues that bring work to workers."""
