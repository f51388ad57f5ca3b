"""What is built on transformers and registers nothing: other plug-ins use it."""
