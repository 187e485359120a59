"""Networks and the adaptive layers they train through; the only cancellers that import torch."""
