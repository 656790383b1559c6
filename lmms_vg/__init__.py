"""lmms_vg: does a medical multimodal model look where it should, and does making it look help?"""

__version__ = "0.1.0"
