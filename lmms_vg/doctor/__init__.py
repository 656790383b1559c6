"""`lmms-vg doctor`: is what a run needs here, and what to type where it is not. A file a group of checks.

Every group has ``CHECKS``, its checks by name. Groups and checks import what they look at inside, so that a library that
cannot be imported is a finding and not the end. Nothing is downloaded, and nothing that is made is left behind.
"""
