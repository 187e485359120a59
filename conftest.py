"""Kernels for a GPU: tested in Triton's interpreter on the CPU, and left out where there is no Triton."""

import os
from importlib.util import find_spec

os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported
collect_ignore = [] if find_spec("triton") else ["aecbench/cancellers/deep/layers/step_size_filter_gpu.py"]
