"""What survives a power cut: the outbox on the truck, and the receiver's store in the city."""
