"""`lmms-vg doctor`: check that this machine has what a run needs, and print the command that fixes what is missing.

Each file is a group of checks; its `CHECKS` maps a name to a check. Groups and checks import what they examine inside, so that
a library that cannot be imported is a finding and does not end the examination. Nothing is downloaded, and everything that
a check creates is removed.
"""
