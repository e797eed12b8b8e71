"""One command a module: `python -m realm_tf.launch.NAME`, or `realm NAME`."""
