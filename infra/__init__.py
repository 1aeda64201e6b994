"""What runs the product: templates, deployment, and a laptop standing in for AWS."""
