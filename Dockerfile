# All commands in an image. From the top of the repository:
#   docker build -t realm_tf .
#   docker run --rm realm_tf
#   docker run --rm -v "$PWD:/work" realm_tf build_corpus \
#     --input=articles.jsonl --output=runs/mine
# Runs are written to /work, by user 1000; another is chosen with
# --user="$(id -u):$(id -g)". With GPUs: docker build --build-arg "EXTRAS=[gpu]",
# docker run --gpus=all. To serve: -p 8501:8501, and serve --host=0.0.0.0.
FROM python:3.11-slim-bookworm

ARG EXTRAS=""
WORKDIR /opt/realm
COPY setup.py pyproject.toml constraints.txt README.md LICENSE ./
COPY realm_tf realm_tf
COPY tfds_builders tfds_builders
# By the variable, the pins hold in build environments too.
RUN PIP_CONSTRAINT=constraints.txt pip install --no-cache-dir --use-pep517 ".$EXTRAS"

RUN useradd --uid=1000 --no-create-home realm && install -d -o realm /work
# A place for caches that is there for any user.
ENV HOME=/tmp
WORKDIR /work
USER 1000:1000
STOPSIGNAL SIGTERM
ENTRYPOINT ["realm"]
CMD ["--help"]
