"""Networks that make pictures: of parameters, and of features."""
