"""Pictures of any size, made into the images that a model was trained on."""
