"""Lambda's runtime for the function that streams: AWS's own for Python sends an answer when it is whole.

`start` puts it in the place of AWS's, as AWS_LAMBDA_EXEC_WRAPPER.
"""
