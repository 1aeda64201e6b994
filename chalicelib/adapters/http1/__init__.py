"""As much of HTTP/1.1 as plain answers take, for adapters that read over connections which stand; no vendor's."""
