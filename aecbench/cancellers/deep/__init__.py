"""Networks and the differentiable adaptive filters that they contain; the only cancellers that import torch.

A trained network runs without torch if `INFERENCE` lists a class for it.
"""

__all__ = ["DEEP", "INFERENCE"]

# name -> "module:Class" of a `base.Network` that can be trained, imported on first use
DEEP: dict[str, str] = {
    "deep_adaptive": "aecbench.cancellers.deep.deep_adaptive:DeepAdaptive",
    "deep_adaptive_2022": "aecbench.cancellers.deep.deep_adaptive_2022:DeepAdaptive2022",
    "deep_joint": "aecbench.cancellers.deep.deep_joint:DeepJoint",
    "deep_step_size": "aecbench.cancellers.deep.deep_step_size:DeepStepSize",
}

# "module:Class" of a network -> "module:Class" of the `inference.canceller.Inference` that runs it after training
INFERENCE: dict[str, str] = {
    DEEP["deep_adaptive"]: "aecbench.cancellers.deep.inference.deep_adaptive:DeepAdaptiveInference",
    DEEP["deep_adaptive_2022"]: "aecbench.cancellers.deep.inference.deep_adaptive_2022:DeepAdaptive2022Inference",
    DEEP["deep_joint"]: "aecbench.cancellers.deep.inference.deep_joint:DeepJointInference",
    DEEP["deep_step_size"]: "aecbench.cancellers.deep.inference.deep_step_size:DeepStepSizeInference",
}
