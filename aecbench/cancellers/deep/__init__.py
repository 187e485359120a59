"""Networks and the adaptive layers they train through; the only cancellers that import torch.

A trained network runs without torch where `INFERENCE` has a class for it.
"""

__all__ = ["DEEP", "INFERENCE"]

# name -> "module:Class" of a `base.Network`, imported when it is first asked for: what can be trained.
DEEP: dict[str, str] = {
    "deep_adaptive": "aecbench.cancellers.deep.deep_adaptive:DeepAdaptive",
    "deep_adaptive_2022": "aecbench.cancellers.deep.deep_adaptive_2022:DeepAdaptive2022",
    "deep_joint": "aecbench.cancellers.deep.deep_joint:DeepJoint",
    "deep_step_size": "aecbench.cancellers.deep.deep_step_size:DeepStepSize",
}

# The same networks -> "module:Class" of an `inference.canceller.Inference`: how they run once they are trained.
INFERENCE: dict[str, str] = {
    DEEP["deep_adaptive"]: "aecbench.cancellers.deep.inference.deep_adaptive:DeepAdaptiveInference",
    DEEP["deep_adaptive_2022"]: "aecbench.cancellers.deep.inference.deep_adaptive_2022:DeepAdaptive2022Inference",
    DEEP["deep_joint"]: "aecbench.cancellers.deep.inference.deep_joint:DeepJointInference",
    DEEP["deep_step_size"]: "aecbench.cancellers.deep.inference.deep_step_size:DeepStepSizeInference",
}
