"""From a platform to `Post` objects: one file a platform; knows no database and no model."""
