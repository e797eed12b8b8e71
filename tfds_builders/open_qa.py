"""What the builders of open-domain QA datasets have in common.

The published test questions are the test split. Of the published training
questions, those that ORQA's hash chooses are the dev split, the others the
train split (Lee et al. 2019, section 5; Guu et al. 2020, section 4.1).
"""

import abc
import collections
import dataclasses
import re
import warnings
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import ClassVar

import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

from tfds_builders import offline
from tfds_builders import source_files

TEST = "test"
SPLITS = ("train", "dev", TEST)
STRING = "string"
REGEX = "regex"

_HASH_BUCKETS = 100_000
_DEV_EVERY = 10


class SourceWarning(UserWarning):
  """A dataset is not made of what was published, or not of all of it."""


@dataclasses.dataclass(frozen=True)
class Question:
  """A published question.

  Attributes:
    id: Unique in its dataset.
    question: As published.
    answers: As published: any of them will do.
  """

  id: str
  question: str
  answers: tuple[str, ...]


def in_dev(questions: Sequence[str]) -> list[bool]:
  """Tells for each training question whether ORQA takes it as dev."""
  if not questions:
    return []
  buckets = tf.strings.to_hash_bucket_fast(list(questions), _HASH_BUCKETS)
  return (buckets % _DEV_EVERY == 0).numpy().tolist()


def invalid_patterns(
  answers: Iterable[tuple[str, Sequence[str]]],
) -> dict[str, str]:
  """Returns why Python's `re` refuses a pattern, by the question's id.

  Args:
    answers: Ids of questions, each with the patterns of its answers.
  """
  invalid: dict[str, str] = {}
  for question_id, patterns in answers:
    for pattern in patterns:
      try:
        re.compile(pattern)
      except (re.error, OverflowError, RecursionError) as e:
        invalid.setdefault(question_id, f"{pattern!r}: {e}")
  return invalid


class OpenQaBuilder(  # type: ignore[call-arg]
  tfds.core.GeneratorBasedBuilder, abc.ABC, skip_registration=True
):
  """Base of the builders: splits, checks, metadata.

  After `download_and_prepare`, `info.metadata` holds `complete` (False if a
  source was partial), `published_sizes`, `sources` (file, sha256, and whether
  that is the published one) and `invalid_patterns` (reason by id).

  Subclasses set the class attributes and implement `_parse`.

  Attributes:
    SOURCES: Files with the published training and test questions.
    PUBLISHED_SIZES: Number of questions in each split of the complete data.
    ANSWER_TYPE: "string", or "regex": answers are patterns to search for.
    HOMEPAGE: Where the data is described.
    LICENSE: As its publisher states it.
  """

  SOURCES: ClassVar[source_files.Sources]
  PUBLISHED_SIZES: ClassVar[Mapping[str, int]]
  ANSWER_TYPE: ClassVar[str] = STRING
  HOMEPAGE: ClassVar[str]
  LICENSE: ClassVar[str]

  def __init__(self, **kwargs: Any):
    with offline.without_buckets():
      super().__init__(**kwargs)

  def download_and_prepare(self, **kwargs: Any) -> None:
    """As TFDS does it, but without a look at cloud buckets."""
    with offline.without_buckets():
      super().download_and_prepare(**kwargs)

  def as_dataset(self, *args: Any, **kwargs: Any) -> Any:
    """As TFDS does it; warns if the data is not complete."""
    if not self.complete:
      warnings.warn(self._incomplete_message(), SourceWarning, stacklevel=2)
    return super().as_dataset(*args, **kwargs)

  def read_test(self, manual_dir: str | None = None) -> list[Question]:
    """Reads the test split alone, which needs none of the training files.

    TFDS prepares all splits or none: nothing is prepared by this.

    Args:
      manual_dir: Folder with the test file; None to download it, or for TFDS's
        own folder of such files.

    Raises:
      source_files.SourceError: If the file is missing or is not what was
        published.
    """
    downloads = self.data_dir_root / "downloads"
    manager = tfds.download.DownloadManager(
      download_dir=downloads,
      manual_dir=epath.Path(manual_dir or downloads / "manual"),
      manual_dir_instructions=self.MANUAL_DOWNLOAD_INSTRUCTIONS,
      url_infos=self.url_infos,
      dataset_name=self.name,
    )
    sources = {TEST: self.SOURCES[TEST]}
    files = source_files.find(manager, self.name, sources)
    questions = self._read(files[TEST], [])
    self._check_ids({TEST: questions})
    self._check_sizes({TEST: questions}, partial=False)
    return questions

  @property
  def complete(self) -> bool:
    """Whether the prepared data is all that was published."""
    metadata = self.info.metadata or {}
    return metadata.get("complete", True)

  def _info(self) -> tfds.core.DatasetInfo:
    return self.dataset_info_from_configs(
      features=tfds.features.FeaturesDict(
        {
          "id": tfds.features.Text(),
          "question": tfds.features.Text(),
          "answers": tfds.features.Sequence(tfds.features.Text()),
          # STRING or REGEX.
          "answer_type": tfds.features.Text(),
        }
      ),
      supervised_keys=None,
      # The order of the source: predictions can be laid beside it.
      disable_shuffling=True,
      homepage=self.HOMEPAGE,
      license=self.LICENSE,
      metadata=tfds.core.MetadataDict(),
    )

  @abc.abstractmethod
  def _parse(self, file: source_files.SourceFile, text: str) -> list[Question]:
    """Returns the questions of one source file.

    Raises:
      source_files.SourceError: If the file is not of its format.
    """

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
    files = source_files.find(dl_manager, self.name, self.SOURCES)
    sources: list[dict[str, Any]] = []
    train = self._read(files["train"], sources)
    dev = in_dev([question.question for question in train])
    splits = {
      "train": [q for q, is_dev in zip(train, dev, strict=True) if not is_dev],
      "dev": [q for q, is_dev in zip(train, dev, strict=True) if is_dev],
      "test": self._read(files["test"], sources),
    }
    partial = any(file.partial for fs in files.values() for file in fs)
    self._check_ids(splits)
    self._check_sizes(splits, partial)
    self._describe(splits, partial, sources)
    return {
      name: self._generate_examples(questions)
      for name, questions in splits.items()
    }

  def _generate_examples(
    self, questions: Sequence[Question]
  ) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, question in enumerate(questions):
      yield (
        number,
        {
          "id": question.id,
          "question": question.question,
          "answers": list(question.answers),
          "answer_type": self.ANSWER_TYPE,
        },
      )

  def _read(
    self,
    files: Sequence[source_files.SourceFile],
    sources: list[dict[str, Any]],
  ) -> list[Question]:
    """Returns the questions of all files, and notes what the files were."""
    questions = []
    for file in files:
      content = file.read()
      sources.append(self._provenance(file, content))
      try:
        text = content.decode("utf-8")
      except UnicodeDecodeError as e:
        raise source_files.SourceError(
          f"{file.path} is not UTF-8 (byte {e.start + 1})."
        ) from e
      questions += self._parse(file, text)
    return questions

  def _provenance(
    self, file: source_files.SourceFile, content: bytes
  ) -> dict[str, Any]:
    """Returns what the metadata says of a file; warns if it was changed.

    TFDS has checked what it downloaded.
    """
    checksum = source_files.sha256(content)
    published = (self.url_infos or {}).get(file.source.url)
    as_published = published is not None and published.checksum == checksum
    if file.manual and not file.partial and not as_published:
      warnings.warn(
        f"{self.name}: {file.path} is not byte for byte the published "
        f"{file.source.name}: its sha256 is {checksum}.",
        SourceWarning,
        stacklevel=2,
      )
    return {
      "file": file.path.name if file.manual else file.source.name,
      "sha256": checksum,
      "as_published": as_published,
    }

  def _check_ids(self, splits: Mapping[str, Sequence[Question]]) -> None:
    counts = collections.Counter(q.id for qs in splits.values() for q in qs)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
      raise source_files.SourceError(
        f"{self.name}: {len(twice)} ids occur more than once, such as "
        f"{twice[0]!r}."
      )

  def _check_sizes(
    self, splits: Mapping[str, Sequence[Question]], partial: bool
  ) -> None:
    """Complete sources must give the published sizes, partial ones no more."""
    wrong = []
    for name, questions in splits.items():
      found, published = len(questions), self.PUBLISHED_SIZES[name]
      may_be_smaller = partial and name != TEST
      if found > published or (found < published and not may_be_smaller):
        wrong.append(f"{name} has {found} questions instead of {published}")
    if wrong:
      raise source_files.SourceError(
        f"{self.name} is not what was published: {'; '.join(wrong)}. A source "
        "file was cut or changed."
      )

  def _describe(
    self,
    splits: Mapping[str, Sequence[Question]],
    partial: bool,
    sources: list[dict[str, Any]],
  ) -> None:
    sizes = {name: len(questions) for name, questions in splits.items()}
    invalid = {}
    if self.ANSWER_TYPE == REGEX:
      invalid = invalid_patterns(
        (question.id, question.answers)
        for questions in splits.values()
        for question in questions
      )
    self.info.metadata.update(
      complete=not partial or sizes == dict(self.PUBLISHED_SIZES),
      sizes=sizes,
      published_sizes=dict(self.PUBLISHED_SIZES),
      sources=sources,
      invalid_patterns=invalid,
    )
    if not self.complete:
      warnings.warn(self._incomplete_message(), SourceWarning, stacklevel=2)
    if invalid:
      question_id, reason = next(iter(invalid.items()))
      warnings.warn(
        f"{self.name}: {len(invalid)} answer patterns are no regular "
        f"expressions, such as that of question {question_id}: {reason}.",
        SourceWarning,
        stacklevel=2,
      )

  def _incomplete_message(self) -> str:
    metadata = self.info.metadata
    sizes = ", ".join(
      f"{name} {metadata['sizes'][name]} of {published}"
      for name, published in metadata["published_sizes"].items()
    )
    names = ", ".join(s.name for fs in self.SOURCES.values() for s in fs)
    return (
      f"{self.name} is INCOMPLETE, as it was made from a part of the training "
      f"questions: {sizes}. Figures on it compare with no published ones "
      "except on the test split. For all of it, delete the folder "
      f"{self.name}/{self.version} in TFDS's data_dir and build it again from "
      f"{names}."
    )
