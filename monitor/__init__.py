"""The employee-sentiment monitor: from public posts to daily figures about a crowd."""
