"""Frames of videos that the tests encode."""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from stopwatt.errors import UsageError
from stopwatt.images import video as videos
from stopwatt.images.item import Failed, Trouble
from stopwatt.images.items import digest_of
from stopwatt.images.source import open_source

av = pytest.importorskip("av")
FRAMES = 36


def grey_of(number):
    return 20 + 6 * number


def encode(path, codec="libx264", frames=FRAMES, turned=0, **options):
    """Frame n is grey of `grey_of(n)`, with its upper half black; a key frame every 10."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.bit_rate = 4_000_000
        if turned:
            stream.set_display_rotation(turned)
        for number in range(frames):
            pixels = np.full((48, 64, 3), grey_of(number), np.uint8)
            pixels[:24] = 0
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


CONTAINERS = [
    ("a.mp4", "libx264", {"bf": "3"}),
    ("a.mkv", "libx264", {"bf": "3", "x264-params": "open-gop=1"}),
    ("a.ts", "libx264", {"bf": "2"}),
    ("a.avi", "mpeg4", {}),
    ("a.webm", "libvpx-vp9", {"deadline": "realtime"}),
    ("a.mpg", "mpeg2video", {"bf": "2"}),
]


@pytest.fixture(params=CONTAINERS, ids=lambda one: one[0])
def clip(request, tmp_path):
    name, codec, options = request.param
    return encode(tmp_path / name, codec, **options)


def test_nobody_waits_for_a_pipe_that_is_called_a_video(tmp_path):
    os.mkfifo(tmp_path / "clip.mp4")
    found = videos.open_video(str(tmp_path / "clip.mp4"))
    assert found == Failed(Trouble.NOT_AN_IMAGE, "the video cannot be read: this is a device or a pipe")


def opened(path):
    video = videos.open_video(str(path))
    assert not isinstance(video, Failed), video
    return video


def number_shown(pixels):
    return round((int(pixels[36, 32].mean()) - 20) / 6)


def test_every_frame_comes_once_in_the_order_of_display(clip):
    video = opened(clip)
    assert [number_shown(video.frame(number)) for number in range(len(video))] == list(range(FRAMES))


def test_a_frame_is_the_same_picture_in_whichever_order_it_is_asked_for(clip):
    video = opened(clip)
    in_order = [video.frame(number) for number in range(FRAMES)]
    anywhere = list(range(FRAMES)) * 2
    random.Random(0).shuffle(anywhere)
    video = opened(clip)
    assert all(np.array_equal(video.frame(number), in_order[number]) for number in anywhere)


def test_frames_in_order_are_decoded_once(tmp_path, monkeypatch):
    video = opened(encode(tmp_path / "a.mp4"))
    monkeypatch.setattr(videos.Video, "_enter", None)  # would be called to go elsewhere
    assert all(not isinstance(video.frame(number), Failed) for number in range(FRAMES))


def test_a_frame_far_ahead_is_reached_from_its_key_frame(tmp_path):
    video = opened(encode(tmp_path / "a.mp4"))
    assert number_shown(video.frame(0)) == 0
    decoded = []
    next_one = video._next
    video._next = lambda: decoded.append(1) or next_one()
    assert number_shown(video.frame(34)) == 34
    assert len(decoded) < 10


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_video_that_was_filmed_on_its_side_is_upright(tmp_path, turned):
    pixels = opened(encode(tmp_path / "a.mp4", turned=turned)).frame(20)
    assert pixels.shape == ((48, 64, 3) if turned == 180 else (64, 48, 3))
    dark = {90: pixels[:, :20], 180: pixels[28:], 270: pixels[:, 28:]}[turned]
    assert dark.max() < 20
    assert pixels.max() > 100


def test_the_items_of_a_video_are_its_frames(tmp_path):
    encode(tmp_path / "a.mp4", frames=12)
    source = open_source(str(tmp_path / "a.mp4"))
    assert [(item.name, item.number, item.image_id, item.frame) for item in source.items][:2] == [
        ("a.mp4#0", 0, 1, 0),
        ("a.mp4#1", 1, 2, 1),
    ]
    assert len(source.items) == 12
    assert source.items[11].path == str(tmp_path / "a.mp4")


def test_videos_of_a_folder_follow_each_other(tmp_path):
    encode(tmp_path / "2.mp4", frames=3)
    encode(tmp_path / "10.mp4", frames=2)
    source = open_source(str(tmp_path))
    assert [item.name for item in source.items] == ["2.mp4#0", "2.mp4#1", "2.mp4#2", "10.mp4#0", "10.mp4#1"]
    assert digest_of(source.items) != digest_of(open_source(str(tmp_path), limit=4).items)


def test_a_folder_with_images_and_videos_means_the_images(tmp_path):
    encode(tmp_path / "a.mp4", frames=3)
    (tmp_path / "a.jpg").write_bytes(b"x")
    source = open_source(str(tmp_path))
    assert [item.name for item in source.items] == ["a.jpg"]
    assert source.notes


def test_one_video_that_is_none_is_refused_and_among_others_it_fails(tmp_path):
    (tmp_path / "bad.mp4").write_text("this is no video")
    with pytest.raises(UsageError, match="cannot be read"):
        open_source(str(tmp_path / "bad.mp4"))
    encode(tmp_path / "good.mp4", frames=2)
    names = [item.name for item in open_source(str(tmp_path)).items]
    assert names == ["bad.mp4#0", "good.mp4#0", "good.mp4#1"]
    assert videos.open_video(str(tmp_path / "bad.mp4")).trouble is Trouble.NOT_AN_IMAGE


def test_a_video_that_vanished_is_missing(tmp_path):
    assert videos.open_video(str(tmp_path / "gone.mp4")).trouble is Trouble.MISSING


def test_a_playlist_under_the_name_of_a_video_fetches_nothing(tmp_path):
    (tmp_path / "a.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    )
    assert isinstance(videos.open_video(str(tmp_path / "a.mp4")), Failed)


def test_a_video_that_is_damaged_in_its_middle_loses_frames_not_the_rest(tmp_path):
    path = encode(tmp_path / "a.mkv", "mpeg4", frames=30)
    whole = [opened(path).frame(number) for number in range(30)]
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60] = b"\xff" * 60
    path.write_bytes(data)
    video = videos.open_video(str(path))
    count = len(video)
    frames = [video.frame(number) for number in range(count)]
    assert all(isinstance(one, Failed | np.ndarray) for one in frames)
    assert sum(isinstance(one, np.ndarray) for one in frames) > count // 2
    assert np.array_equal(frames[0], whole[0])


def test_a_video_that_was_cut_off_has_the_frames_that_are_there(tmp_path):
    path = encode(tmp_path / "a.ts")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = opened(path)
    shown = [video.frame(number) for number in range(len(video))]
    good = [number_shown(one) for one in shown if not isinstance(one, Failed)]
    assert 5 < len(good) < FRAMES
    assert good == list(range(len(good)))


def test_sound_alone_is_no_video(tmp_path):
    path = Path(tmp_path / "a.mp4")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "no moving picture" in videos.open_video(str(path)).why


def test_without_pyav_the_remedy_is_said(tmp_path, monkeypatch):
    encode(tmp_path / "a.mp4", frames=2)
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UsageError, match="videos need PyAV") as refused:
        open_source(str(tmp_path / "a.mp4"))
    assert "stopwatt[video]" in refused.value.now
