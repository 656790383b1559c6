"""Build a data set like VGMED: masks become boxes, boxes become questions."""
