"""The figures of the study, one per file, in one style; each is saved as PNG and PDF with its numbers as CSV beside it."""
