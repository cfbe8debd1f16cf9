"""Models as files: Hugging Face folders, GGUF, ONNX."""
