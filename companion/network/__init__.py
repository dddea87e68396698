"""A small engine that trains dense networks with the formulas of the ground floor."""
