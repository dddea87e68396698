"""The data of the experiments: Fashion-MNIST, which travels with the package, and letters."""

import gzip
import hashlib
import string
import zlib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray

#: What the ten labels mean, in order.
CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

#: Where the data lies.
FOLDER: Traversable = resources.files("companion.lab") / "data" / "fashion-mnist"

#: SHA-256 of each decompressed IDX file, and the shape of the array in it.
FILES = {
    "train-images-idx3-ubyte.gz": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        (60000, 28, 28),
    ),
    "train-labels-idx1-ubyte.gz": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        (60000,),
    ),
    "t10k-images-idx3-ubyte.gz": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        (10000, 28, 28),
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        (10000,),
    ),
}


class Dataset(NamedTuple):
    """Images and their labels."""

    images: NDArray[np.float32]  #: pixels in [0, 1], shape (n, 28, 28)
    labels: NDArray[np.int64]  #: from 0 to 9, shape (n,)


@cache
def fashion_mnist() -> tuple[Dataset, Dataset, Dataset]:
    r"""Return Fashion-MNIST as training, validation and test set.

    The 60,000 training images are split as in the textbook: the first 5,000 are the
    validation set, the other 55,000 the training set. Pixels are divided by 255.

    Returns
    -------
    train, validation, test : Dataset
        Named pairs ``(images, labels)`` of 55,000, 5,000 and 10,000 examples; float32
        images of shape (n, 28, 28) and int64 labels. They are read once and shared by all
        callers, and therefore cannot be written to.

    Raises
    ------
    FileNotFoundError
        If one of the four files is missing; the message names it.
    ValueError
        If the content of a file is not the published one; the message names it.

    References
    ----------
    Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a novel image dataset for benchmarking
    machine learning algorithms", arXiv:1708.07747.

    Examples
    --------
    >>> train, validation, test = fashion_mnist()
    >>> train.images.shape, validation.images.shape, test.images.shape
    ((55000, 28, 28), (5000, 28, 28), (10000, 28, 28))
    >>> CLASS_NAMES[train.labels[0]], round(float(train.images[0].mean()), 3)
    ('Coat', 0.474)
    """
    train_images, train_labels, test_images, test_labels = (_read_idx(name) for name in FILES)
    train, test = _dataset(train_images, train_labels), _dataset(test_images, test_labels)
    validation = Dataset(train.images[:5000], train.labels[:5000])
    return Dataset(train.images[5000:], train.labels[5000:]), validation, test


def _dataset(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Dataset:
    data = Dataset(pixels.astype(np.float32) / np.float32(255), labels.astype(np.int64))
    for array in data:
        array.flags.writeable = False
    return data


def _read_idx(name: str) -> NDArray[np.uint8]:
    digest, shape = FILES[name]
    path = FOLDER / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: restore it with `git checkout -- {path}`")
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise ValueError(f"{path} is damaged: expected SHA-256 {digest}; received {found}")
    header = 4 + 4 * len(shape)
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


@cache
def letters() -> NDArray[np.float32]:
    """Return letters and digits as images of Fashion-MNIST's form: what no network here has seen.

    The 26 letters, large and small, and the ten digits, each in the twelve DejaVu fonts that come
    with Matplotlib (sans, serif and mono; upright, bold, oblique and both), light on black.

    Returns
    -------
    array of float32, shape (744, 28, 28)
        Pixels in [0, 1]. They are drawn once and cannot be written to.

    Notes
    -----
    The idea of testing with letters is that of notMNIST, for which there are no fonts here.

    Examples
    --------
    >>> images = letters()
    >>> images.shape, images[62 * 3].max().item()
    ((744, 28, 28), 1.0)
    """
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    fonts = sorted(path for path in folder.glob("DejaVuS*.ttf") if "Display" not in path.name)
    images = np.zeros((len(fonts), 62, 28, 28), np.uint8)
    for font, row in zip(fonts, images, strict=True):
        face = FT2Font(str(font))
        face.set_size(26, 72)
        for character, image in zip(string.ascii_letters + string.digits, row, strict=True):
            face.set_text(character)
            face.draw_glyphs_to_bitmap()
            glyph = np.asarray(face.get_image())
            inked = (slice(at.min(), at.max() + 1) for at in np.nonzero(glyph))
            glyph = glyph[tuple(inked)][:28, :28]
            top, left = ((28 - size) // 2 for size in glyph.shape)
            image[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph
    pixels = images.reshape(-1, 28, 28).astype(np.float32) / np.float32(255)
    pixels.flags.writeable = False
    return pixels
