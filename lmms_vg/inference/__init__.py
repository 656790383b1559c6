"""From `--model_args` and questions to journalled answers."""
