"""Is this truck ready: every check with its remedy, one file for each group of checks.

A check looks at one thing and answers with a `Finding`. None writes, and none tells where or when a truck was: of
fixes only counts and the date are ever put into words.
"""
