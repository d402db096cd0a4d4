"""What the Evaluator measures, and what the model gate makes of it."""
