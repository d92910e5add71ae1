"""How a technician tells the truck what it is: YAML, its schema, and the examples."""
