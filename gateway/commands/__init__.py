"""The commands of `atelier` that work on the store: each module is imported when its command is called.

What a person can mend is one sentence on stderr and exit code 1; what a script wants stands alone on stdout.
"""
