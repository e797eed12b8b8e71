# All commands in an image. From the top of the repository:
#   docker build -t realm_tf .
#   docker run --rm realm_tf
#   docker run --rm -v "$PWD:/work" realm_tf build_corpus \
#     --input=articles.jsonl --output=runs/mine
# Runs are written to /work, by user 1000; another is chosen with
# --user="$(id -u):$(id -g)". With GPUs: docker build --build-arg "EXTRAS=[gpu]",
# docker run --gpus=all. To serve: -p 8501:8501, and serve --host=0.0.0.0.
# --build-arg PYTHON=3.13 has TensorFlow 2.20 in place of 2.15.
ARG PYTHON=3.11
FROM python:$PYTHON-slim-bookworm

ARG PYTHON
ARG EXTRAS=""
WORKDIR /opt/realm
COPY setup.py pyproject.toml constraints-tf2.15.txt constraints-tf2.20.txt PACKAGE.md LICENSE ./
COPY realm_tf realm_tf
COPY tfds_builders tfds_builders
# By the variable, the pins hold in build environments too.
RUN case $PYTHON in 3.11) stack=2.15;; *) stack=2.20;; esac && \
  PIP_CONSTRAINT=constraints-tf$stack.txt \
  pip install --no-cache-dir --use-pep517 ".$EXTRAS"

RUN useradd --uid=1000 --no-create-home realm && install -d -o realm /work
# A place for caches that is there for any user.
ENV HOME=/tmp
WORKDIR /work
USER 1000:1000
STOPSIGNAL SIGTERM
ENTRYPOINT ["realm"]
CMD ["--help"]
