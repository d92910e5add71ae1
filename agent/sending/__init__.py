"""The half that sends: it knows nothing of GNSS, and takes what leaves from the outbox alone."""
