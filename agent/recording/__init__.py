"""The half that records: it knows nothing of the network, and nothing of it is on disk before its filters."""
