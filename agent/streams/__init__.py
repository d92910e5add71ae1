"""What may leave, one file a stream.

A stream is a chain of small filters with state of its own. It sees only what the duty gate and the places have
let through, gives back finished records, and forgets everything at a cut.
"""
