"""`report.html`: what a study found, and a gallery of its questions, in one file that loads nothing."""
