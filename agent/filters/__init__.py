"""What a position goes through before a stream may tell of it: small filters with a state of their own."""
