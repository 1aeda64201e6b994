"""The ports of what is stored, over five DynamoDB tables; docs/adr/0002 and 0012 say why these."""
