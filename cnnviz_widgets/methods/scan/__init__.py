"""One pass over a data set, in which everything about a unit can be looked up."""
