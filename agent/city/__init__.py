"""The city's end: what receives, confirms, and hands on what trucks have sent."""
