"""Writes an ssl.config for TensorFlow Serving's --ssl_config_file.

python serving/make_ssl_config.py key.pem certificate.pem > ssl.config
python serving/make_ssl_config.py key.pem certificate.pem ca.pem > ssl.config

With a third file, clients must show a certificate that it has signed. The
result holds the private key: keep it as a secret.
"""

import json
import pathlib
import sys


def main(paths: list[str]) -> None:
  """Prints an SSLConfig in text form."""
  if len(paths) not in (2, 3):
    sys.exit(__doc__)
  names = ["server_key", "server_cert", "custom_ca"]
  for name, path in zip(names, paths, strict=False):
    print(f"{name}: {json.dumps(pathlib.Path(path).read_text('ascii'))}")
  print(f"client_verify: {'true' if len(paths) == 3 else 'false'}")


if __name__ == "__main__":
  main(sys.argv[1:])
