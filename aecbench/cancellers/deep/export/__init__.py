"""Networks counted, made smaller, and written as ONNX models."""
