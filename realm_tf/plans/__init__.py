"""What a command will take and do, by arithmetic; without TensorFlow."""
