"""From texts to calibrated probabilities: the classifiers and how they are trained.

This package knows no post, no database and no topic file. It takes texts (and the text of
a target) and answers with probabilities, and it keeps versions of its model on disk.
"""
