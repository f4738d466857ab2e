"""Label files of several makers: records of answers in, posts with their answers out."""
