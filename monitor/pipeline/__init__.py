"""The steps between a platform and a daily figure, one use case a file."""
