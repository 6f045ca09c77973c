"""Models of images in numpy, so that a worker starts quickly. What they say depends on every pixel."""

import os
import signal
import time

import numpy as np

from stopwatt.serving.contract import Contract, Decoding, Preprocess, Task

SIDE = 8
PREPROCESS = Preprocess(SIDE, SIDE)
WEIGHTS = np.random.default_rng(7).normal(size=(3 * SIDE * SIDE, 6)).astype(np.float32)


def _inputs(batch):
    return (np.zeros((batch, 3, SIDE, SIDE), np.float32),)


def _scores(images):
    """Of each image, whatever images are beside it: a matrix product of another shape may round otherwise."""
    return (images.reshape(len(images), -1, 1) * WEIGHTS).sum(axis=1)


def _marked(images):
    """Images whose first pixel is pure red (no other is): they make trouble."""
    return (images[:, 0, 0, 0] > 0.999) & (images[:, 1, 0, 0] < 0.001) & (images[:, 2, 0, 0] < 0.001)


def _classes(call):
    return call, _inputs, Contract(Task.CLASSIFY, PREPROCESS, Decoding.LOGITS, most=3, threshold=0.0)


def classifier():
    return _classes(_scores)


def detector():
    def call(images):
        scores = 1 / (1 + np.exp(-_scores(images)))
        corners = np.sort(np.abs(_scores(images))[:, :4] % SIDE, axis=1)
        boxes = np.repeat(corners[:, None, :], 6, axis=1)
        return boxes.astype(np.float32), scores, np.tile(np.arange(6), (len(images), 1))

    return call, _inputs, Contract(Task.DETECT, PREPROCESS, Decoding.BOXES, category_ids=(10, 20, 30, 40, 50, 60))


def embedder():
    return _scores, _inputs, Contract(Task.EMBED, PREPROCESS, Decoding.VECTOR)


def killed():
    """Dies of a marked image."""

    def call(images):
        if _marked(images).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return _scores(images)

    return _classes(call)


def raising():
    """Raises at a marked image."""

    def call(images):
        if _marked(images).any():
            raise ValueError("a marked image")
        return _scores(images)

    return _classes(call)


def spoiling():
    """A marked image leaves the process's device unusable."""

    def call(images):
        if _marked(images).any():
            raise RuntimeError("CUDA error: device-side assert triggered\nPass this and that for debugging")
        return _scores(images)

    return _classes(call)


def infinite():
    """Says nothing of a marked image."""

    def call(images):
        return np.where(_marked(images)[:, None], np.nan, _scores(images))

    return _classes(call)


def wrong():
    """Is no classifier."""
    return _classes(lambda images: np.zeros((len(images), 2, 2)))


def unloadable():
    raise ValueError("no weights")


def unhurried():
    """As the detector, with time to look on while it works."""
    call, *rest = detector()

    def slowly(images):
        time.sleep(0.03)
        return call(images)

    return slowly, *rest


def hanging():
    """Never answers a marked image, once for each file that the environment names."""

    def call(images):
        if _marked(images).any() and not os.path.exists(os.environ["LIGHT_HANG"]):  # noqa: PTH110  (no import)
            open(os.environ["LIGHT_HANG"], "w").close()  # noqa: PTH123
            signal.pause()
        return _scores(images)

    return _classes(call)


def killed_at_once():
    os.kill(os.getpid(), signal.SIGKILL)


def _first():
    """Whether no process has asked before."""
    try:
        open(os.environ["LIGHT_FIRST"], "x").close()  # noqa: PTH123
    except FileExistsError:
        return False
    return True


def patient():
    """Has its time with a marked image, until the file is there that the environment names."""

    def call(images):
        while _marked(images).any() and not os.path.exists(os.environ["LIGHT_GO"]):  # noqa: PTH110  (no import)
            open(f"{os.environ['LIGHT_GO']}.waited-for", "w").close()  # noqa: PTH123
            time.sleep(0.01)
        return _scores(images)

    return _classes(call)


def small_batches_only():
    """Dies of more than two images at once."""

    def call(images):
        if len(images) > 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return _scores(images)

    return _classes(call)


def refused_twice():
    """Can be loaded by one process only."""
    if not _first():
        raise MemoryError("no memory for a second one")
    return patient()


def killed_twice():
    """Kills all that load it but the first."""
    if not _first():
        os.kill(os.getpid(), signal.SIGKILL)
    return patient()
