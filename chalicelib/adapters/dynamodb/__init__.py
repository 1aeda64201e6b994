"""The ports of what is stored, over four DynamoDB tables; docs/adr/0002-data-model.md says why these four."""
