"""`python -m realm_tf`: the same as the script `realm`."""

from realm_tf.launch import main

if __name__ == "__main__":
  main.main()
