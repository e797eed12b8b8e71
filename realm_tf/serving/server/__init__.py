"""The local server: TensorFlow Serving's protocol in Python."""
