"""Settings of the environment that have to be made before torch and Triton are imported.

Test processes share the cores: each computes on one thread, and threads that wait for others do not spin. Kernels for
a GPU are tested in Triton's interpreter on the CPU, and skipped without Triton.
"""

import os
from importlib.util import find_spec

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["TRITON_INTERPRET"] = "1"
collect_ignore = [] if find_spec("triton") else ["aecbench/cancellers/deep/layers/step_size_filter_gpu.py"]
