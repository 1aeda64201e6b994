"""Indexes that find answered questions by meaning; docs/adr/0012-vector-indexes.md says which is for whom."""
