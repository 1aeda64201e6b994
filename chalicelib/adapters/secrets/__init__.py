"""Secrets from AWS Secrets Manager and Parameter Store."""
