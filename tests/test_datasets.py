"""Fashion-MNIST is whole, is split as the book says, and names what is damaged."""

import gzip
import shutil

import numpy as np
import pytest

from companion.lab import datasets


@pytest.fixture
def copy(tmp_path, monkeypatch):
    folder = tmp_path / "data of ours é"
    shutil.copytree(datasets.FOLDER, folder)
    monkeypatch.setattr(datasets, "FOLDER", folder)
    datasets.fashion_mnist.cache_clear()
    yield folder
    datasets.fashion_mnist.cache_clear()


def test_the_split_is_the_textbooks():
    train, validation, test = datasets.fashion_mnist()
    assert [len(part.labels) for part in (train, validation, test)] == [55_000, 5_000, 10_000]
    for images, labels in (train, validation, test):
        assert images.dtype == np.float32
        assert labels.dtype == np.int64
        assert images.shape[1:] == (28, 28)
        assert (images.min(), images.max()) == (0, 1)
        assert set(labels.tolist()) == set(range(10))
    # The file begins with an ankle boot, and with it the validation images
    assert datasets.CLASS_NAMES[validation.labels[0]] == "Ankle boot"
    assert np.bincount(np.concatenate([train.labels, validation.labels])).tolist() == [6_000] * 10


def test_nobody_can_spoil_the_shared_arrays():
    train, _, _ = datasets.fashion_mnist()
    with pytest.raises(ValueError, match="read-only"):
        train.images[0] = 0


def test_the_data_are_found_wherever_they_lie(copy):
    assert len(datasets.fashion_mnist()) == 3


@pytest.mark.parametrize("name", datasets.FILES)
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        datasets.fashion_mnist()


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path):
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(content), 1))


def _empty(path):
    path.write_bytes(b"")


def _replace(path):
    path.write_bytes(b"<html>Not found</html>")


@pytest.mark.parametrize("damage", [_cut, _flip, _empty, _replace])
def test_a_damaged_file_is_named(copy, damage):
    name = "t10k-images-idx3-ubyte.gz"
    damage(copy / name)
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        datasets.fashion_mnist()


def test_the_licence_travels_with_the_data():
    assert "Zalando SE" in (datasets.FOLDER / "LICENSE").read_text()


def test_letters_look_like_images_and_none_like_another():
    images = datasets.letters()
    assert images.shape == (744, 28, 28)
    assert images.dtype == np.float32
    assert images.min() == 0
    assert (images.max(axis=(1, 2)) > 0.9).all()
    assert len(np.unique(images.reshape(744, -1), axis=0)) > 730  # some fonts share a glyph
    # Each is in the middle
    for axis in (1, 2):
        inked = images.max(axis=axis) > 0
        first, last = inked.argmax(1), 27 - inked[:, ::-1].argmax(1)
        assert (abs(first + last - 27) <= 1).all()
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0
