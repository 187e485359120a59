"""What networks are trained to minimise."""
