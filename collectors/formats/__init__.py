"""The record formats of files: one file a format, and how to tell which one a file is in."""
