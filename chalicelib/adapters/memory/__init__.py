"""The ports of what is stored, in one process's memory: for tests, and to say in few lines what they mean."""
