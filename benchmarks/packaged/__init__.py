"""The packaged functions as Lambda runs them: AWS's runtime, or ours, over a Runtime API on this machine."""
