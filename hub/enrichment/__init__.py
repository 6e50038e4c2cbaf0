"""What a metadata service knows of models: asked by hash, kept beside what agents found, never above it."""
