"""Frames of videos, through PyAV.

A frame is known by its place in the order of display, and found by its time stamp: the n-th smallest among those of the
packets, which are read without decoding them. So it is the same picture whether the frames before it were decoded, or
the file was entered at the key frame before it, as it is when a run goes on or several decoders share a video. Where
that cannot be relied on, the file is read from its beginning.
"""

import os
import stat
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from stopwatt.errors import UsageError
from stopwatt.images.decoding import MOST_PIXELS
from stopwatt.images.item import Failed, Pixels, Trouble
from stopwatt.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av import VideoFrame
    from av.container import InputContainer

    _Timed = tuple[int, VideoFrame]

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".wmv", ".flv"})
"""Of files that are taken for videos, in small letters."""

_LOCAL = {"protocol_whitelist": "file"}
"""What a video refers to is not fetched from anywhere."""
_QUARTER = 90
_INDEXED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "mpegts"}
"""Containers, as FFmpeg calls them, in which a frame has the same time stamp wherever the file is entered. In an MPEG
program stream, for one, it has not."""


def check_installed(path: str) -> None:
    """Make sure that videos can be read here.

    Raises:
        UsageError: They cannot.
    """
    try:
        import av  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"videos need PyAV, which cannot be imported: {error}",
            when=path,
            now="pip install 'stopwatt[video]', or make a folder of images of the video",
        ) from error


def open_video(path: str) -> "Video | Failed":
    """A video, opened; or why it cannot be."""
    import av

    try:
        return Video(path)
    except FileNotFoundError as error:
        return Failed(Trouble.MISSING, f"the video cannot be opened: {_said(error)}")
    except PermissionError as error:
        return Failed(Trouble.UNREADABLE, f"the video cannot be opened: {_said(error)}")
    except (av.FFmpegError, OSError, ValueError) as error:
        return Failed(Trouble.NOT_AN_IMAGE, f"the video cannot be read: {_said(error)}")


class Video:
    """A video that is open. Its length is the number of its frames.

    Args:
        path: Of the file.

    Raises:
        av.FFmpegError, OSError: It cannot be opened.
        ValueError: There is no moving picture in it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._times, self._keys = _index(path)
        self._container = _opened(path)
        self._frames = self._decoded()
        self._waiting: _Timed | None = None
        self._at, self._reached = -1, self._times[0]

    def __len__(self) -> int:
        return len(self._times)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def frame(self, number: int) -> Pixels | Failed:
        """A frame, upright: uint8 [height, width, 3] RGB. Quickest in order; or why there is none."""
        import av

        try:
            frame = self._found(number)
        except (av.FFmpegError, OSError, ValueError) as error:
            self._at = len(self)  # enter the file anew
            return Failed(Trouble.TRUNCATED, f"the video cannot be decoded here: {_said(error)}")
        if frame is None:
            return Failed(Trouble.TRUNCATED, "the video has no such frame, though its index has one")
        if frame.width * frame.height > MOST_PIXELS:
            return Failed(Trouble.TOO_LARGE, f"{frame.width}x{frame.height} pixels; {MOST_PIXELS} at most are decoded")
        turned = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // _QUARTER)
        return np.ascontiguousarray(turned, np.uint8)

    def _found(self, number: int) -> "VideoFrame | None":
        time = self._times[number]
        key = bisect_right(self._keys, time) - 1
        lies_ahead = number == self._at + 1 or (number > self._at and (key < 0 or self._keys[key] <= self._reached))
        if not lies_ahead:
            self._enter(time, key)
        self._at, self._reached = number, time
        while (one := self._next()) is not None:
            if one[0] == time:
                return one[1]
            if one[0] > time:
                self._waiting = one
                return None
        return None

    def _enter(self, time: int, key: int) -> None:
        """Go to the key frame before a time, or to the beginning where the file's own index leads behind it."""
        if key >= 0:
            self._container.seek(self._keys[key], stream=self._container.streams.video[0])
            self._frames = self._decoded()
            self._waiting = next(self._frames, None)
            if self._waiting is not None and self._waiting[0] <= time:
                return
        self._rewind()

    def _rewind(self) -> None:
        self._container.close()
        self._container = _opened(self.path)
        self._frames = self._decoded()
        self._waiting = None
        self._at, self._reached = -1, self._times[0]

    def _decoded(self) -> "Iterator[_Timed]":
        """Frames from here on in the order of display, by time stamp; by number where stamps are missing."""
        stream = self._container.streams.video[0]
        for number, frame in enumerate(self._container.decode(stream)):
            if not self._keys:
                yield number, frame
            elif frame.pts is not None:
                yield frame.pts, frame

    def _next(self) -> "_Timed | None":
        one, self._waiting = self._waiting, None
        return one or next(self._frames, None)


def _opened(path: str) -> "InputContainer":
    import av

    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  (as the path came)
        raise ValueError("this is a device or a pipe")  # which would be waited for, or be noticed at its other end
    container = av.open(path, options=_LOCAL)
    if not container.streams.video:
        container.close()
        raise ValueError("it has no moving picture")
    container.streams.video[0].codec_context.thread_count = 1  # there is a decoder for every core already
    return container


def _index(path: str) -> tuple[list[int], list[int]]:
    """Time stamps of all frames in the order of display, and of key frames; none of these where none can be entered.

    A frame is then known by its number alone, and the file is always read from its beginning.
    """
    with _opened(path) as container:
        packets = [
            (packet.pts, packet.is_keyframe)
            for packet in container.demux(container.streams.video[0])
            if packet.size and not packet.is_discard
        ]
        can_be_entered = container.format.name in _INDEXED
    if not packets:
        raise ValueError("it has no frame")
    times = {time for time, _ in packets if time is not None}
    if not can_be_entered or len(times) < len(packets):
        return list(range(len(packets))), []
    return sorted(times), sorted(time for time, is_key in packets if is_key and time is not None)


def _said(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or str(error))[:200] or type(error).__name__
