"""The loss functions of networks."""
