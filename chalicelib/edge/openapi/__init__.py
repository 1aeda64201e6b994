"""The document that describes the API, made from the types that its requests are decoded into."""
