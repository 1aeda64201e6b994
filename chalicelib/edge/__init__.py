"""Wire formats: HTTP and Lambda events in, domain values through, OpenAI's shapes out."""
