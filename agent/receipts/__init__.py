"""Receipts: exactly what has left this truck, to read, to hand on and to verify."""
