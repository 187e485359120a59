"""Networks and the adaptive layers they train through; the only cancellers that import torch."""

__all__ = ["DEEP"]

# name -> "module:Class" of a `base.Network`, imported when it is first asked for: what can be trained.
DEEP: dict[str, str] = {
    "deep_adaptive": "aecbench.cancellers.deep.deep_adaptive:DeepAdaptive",
    "deep_adaptive_2022": "aecbench.cancellers.deep.deep_adaptive_2022:DeepAdaptive2022",
    "deep_joint": "aecbench.cancellers.deep.deep_joint:DeepJoint",
    "deep_step_size": "aecbench.cancellers.deep.deep_step_size:DeepStepSize",
}
