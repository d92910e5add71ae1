"""One file a command of the `fairhaul` command line."""
