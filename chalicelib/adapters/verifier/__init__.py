"""The trained judge of the semantic cache, as it ships (docs/cache-verifier.md)."""
