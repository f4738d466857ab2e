"""The one place that picks concrete parts from settings: the parts, and each use case of them."""
