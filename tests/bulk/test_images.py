"""What becomes of image files of all kinds: a defined picture, or a reason."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stopwatt.images import decoding as images
from stopwatt.images.decoding import prepared, read
from stopwatt.images.item import Failed, Trouble
from stopwatt.serving.contract import Fit, Preprocess

SQUARE = Preprocess(32, 32, Fit.STRETCH)


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def quarters(width=64, height=64):
    """Red, green over blue, white: each corner tells where it is."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return Image.fromarray(pixels)


def flat(colour, mode="RGB", size=(40, 40)):
    return Image.new(mode, size, colour)


def centre(data, preprocess=SQUARE):
    result = prepared(data, preprocess)
    assert not isinstance(result, Failed), result
    return tuple(int(value) for value in result[0][16, 16])


def trouble(result):
    assert isinstance(result, Failed), "a picture came out"
    assert result.why
    assert result.why.isprintable()
    return result.trouble


def png_of_declared_size(width, height):
    """A few bytes that say they are a large picture."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


# --- files ---


def test_a_file_that_is_not_there_is_missing(tmp_path):
    assert trouble(read(str(tmp_path / "none.jpg"))) is Trouble.MISSING
    assert trouble(read(str(tmp_path / "none" / "none.jpg"))) is Trouble.MISSING


def test_a_name_that_no_file_can_have_is_missing(tmp_path):
    assert trouble(read(str(tmp_path / ("x" * 300)))) is Trouble.MISSING
    assert trouble(read(f"{tmp_path}/a\0b.jpg")) is Trouble.MISSING


def test_links_that_lead_nowhere_or_in_a_circle_are_missing(tmp_path):
    (tmp_path / "broken.jpg").symlink_to("gone.jpg")
    (tmp_path / "circle.jpg").symlink_to("circle.jpg")
    assert trouble(read(str(tmp_path / "broken.jpg"))) is Trouble.MISSING
    assert trouble(read(str(tmp_path / "circle.jpg"))) is Trouble.MISSING


def test_a_folder_or_a_pipe_is_no_image_and_nobody_waits_for_the_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert trouble(read(str(tmp_path))) is Trouble.NOT_AN_IMAGE
    assert trouble(read(str(tmp_path / "pipe.jpg"))) is Trouble.NOT_AN_IMAGE
    assert trouble(read("/dev/zero")) is Trouble.NOT_AN_IMAGE


def test_a_pipe_is_not_even_opened_since_its_writer_would_notice(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.jpg")
    opened = []
    monkeypatch.setattr(os, "open", lambda path, *_: opened.append(path))
    assert read(str(tmp_path / "pipe.jpg")).why == "this is a device or a pipe"
    assert opened == []


def test_what_cannot_be_read_leaves_no_descriptor_open(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (str(tmp_path), "/dev/zero", "/proc/self/mem", f"{tmp_path}/none"):
        read(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_unreadable(tmp_path):
    path = tmp_path / "mine.jpg"
    path.write_bytes(b"x")
    path.chmod(0)
    assert trouble(read(str(path))) is Trouble.UNREADABLE


def test_a_disk_that_fails_is_unreadable(tmp_path):
    assert trouble(read("/proc/self/mem")) is Trouble.UNREADABLE  # its first page cannot be read


def test_a_file_of_many_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "huge.jpg"
    path.touch()
    os.truncate(path, 1 << 40)  # it has holes only, and takes no room
    assert trouble(read(str(path))) is Trouble.TOO_LARGE


# --- contents ---


def test_a_file_of_0_bytes_is_empty(tmp_path):
    (tmp_path / "a.jpg").touch()
    assert trouble(prepared(read(str(tmp_path / "a.jpg")), SQUARE)) is Trouble.EMPTY


def test_text_is_no_image_whatever_its_name_is():
    assert trouble(prepared(b"Dear Sir or Madam,\n", SQUARE)) is Trouble.NOT_AN_IMAGE


def test_a_reason_holds_nothing_that_could_move_the_cursor():
    assert trouble(prepared(b"\x1b[31m\0\n<script>", SQUARE)) is Trouble.NOT_AN_IMAGE


def test_postscript_is_not_run():
    picture = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    assert trouble(prepared(picture, SQUARE)) is Trouble.NOT_AN_IMAGE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_an_image_that_was_cut_off_is_truncated(kind, share):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    data = encoded(noise, kind)
    assert trouble(prepared(data[: int(len(data) * share)], SQUARE)) is Trouble.TRUNCATED


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000"])
def test_damage_ends_as_a_picture_or_as_a_reason(kind):
    rng = np.random.default_rng(1)
    data = np.frombuffer(encoded(quarters(), kind), np.uint8)
    for _ in range(60):
        damaged = data.copy()
        damaged[rng.integers(0, len(data), 6)] = rng.integers(0, 256, 6)
        result = prepared(damaged.tobytes(), SQUARE)
        assert trouble(result) if isinstance(result, Failed) else result[0].shape == (32, 32, 3)


def test_an_image_of_50000_by_50000_pixels_is_too_large_before_it_is_decoded():
    result = prepared(png_of_declared_size(50_000, 50_000), SQUARE)
    assert trouble(result) is Trouble.TOO_LARGE


def test_the_limit_is_of_pixels_not_of_a_side():
    data = encoded(flat((1, 2, 3), size=(50_000, 2)))
    assert centre(data) == (1, 2, 3)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_between_the_limits_of_pillow_and_ours_is_too_large():
    side = int(images.MOST_PIXELS**0.5) + 2
    assert trouble(prepared(png_of_declared_size(side, side), SQUARE)) is Trouble.TOO_LARGE


def test_a_jpeg_that_is_decoded_smaller_may_be_larger_than_the_limit(monkeypatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 100_000)
    assert centre(encoded(flat((200, 0, 0), size=(1000, 1000)), "JPEG", quality=95))[0] == pytest.approx(200, abs=3)
    assert trouble(prepared(encoded(flat((200, 0, 0), size=(1000, 1000))), SQUARE)) is Trouble.TOO_LARGE


# --- colours ---


def test_grey_is_the_same_in_all_channels():
    assert centre(encoded(flat(90, "L"))) == (90, 90, 90)


def test_black_and_white_is_0_and_255():
    assert centre(encoded(flat(1, "1"))) == (255, 255, 255)


def test_alpha_is_dropped():
    assert centre(encoded(flat((10, 20, 30, 0), "RGBA"))) == (10, 20, 30)
    assert centre(encoded(flat((70, 0), "LA"))) == (70, 70, 70)


def test_the_transparent_colours_of_a_palette_are_dropped():
    image = flat((10, 20, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert centre(encoded(image, transparency=0)) == (10, 20, 30)
    assert centre(encoded(image, transparency=bytes([0] * 256))) == (10, 20, 30)


def test_cmyk_is_converted():
    red, green, blue = centre(encoded(flat((0, 255, 255, 0), "CMYK"), "JPEG", quality=95))
    assert red > 240
    assert max(green, blue) < 15


def test_16_bits_are_their_high_byte():
    values = np.full((40, 40), 0x7F80, np.uint16)
    assert centre(encoded(Image.fromarray(values))) == (0x7F, 0x7F, 0x7F)
    assert centre(encoded(Image.fromarray(values), "TIFF")) == (0x7F, 0x7F, 0x7F)
    assert centre(b"P5 40 40 65535\n" + values.astype(">u2").tobytes()) == (0x7F, 0x7F, 0x7F)


def test_numbers_that_are_no_colours_are_no_image():
    assert trouble(prepared(encoded(flat(0.5, "F"), "TIFF"), SQUARE)) is Trouble.NOT_AN_IMAGE
    assert trouble(prepared(encoded(flat(1 << 20, "I"), "TIFF"), SQUARE)) is Trouble.NOT_AN_IMAGE


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_counts(kind):
    frames = [flat(colour) for colour in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert centre(data) == (200, 0, 0)


# --- orientation ---

_CORNERS = {1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb"}
"""Upper left, upper right, lower left and lower right of a picture that is stored as `quarters`, upright."""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "size"), [("JPEG", (80, 40)), ("JPEG", (1600, 800)), ("PNG", (80, 40)), ("WEBP", (80, 40))]
)
def test_exif_orientation_is_followed(kind, size, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(quarters(*size), kind, exif=exif, quality=95)
    pixels, placement = prepared(data, Preprocess(64, 64))
    width, height = size if orientation < 5 else size[::-1]
    assert (placement.width, placement.height) == (width, height)
    inner_x, inner_y = round(width * placement.scale_x), round(height * placement.scale_y)
    names = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "w": (255, 255, 255)}
    seen = [pixels[y, x] for y in (inner_y // 4, inner_y * 3 // 4) for x in (inner_x // 4, inner_x * 3 // 4)]
    for colour, wanted in zip(seen, _CORNERS[orientation], strict=True):
        assert np.abs(colour.astype(int) - names[wanted]).max() < 40


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_does_not_cost_the_picture():
    data = encoded(flat((200, 0, 0)), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage", quality=95)
    assert centre(data)[0] == pytest.approx(200, abs=3)


# --- large pictures ---


def test_a_large_jpeg_is_not_decoded_at_full_size(monkeypatch):
    sizes = []
    fitted = images.fitted
    monkeypatch.setattr(images, "fitted", lambda image, *rest: (sizes.append(image.size), fitted(image, *rest))[1])
    _, placement = prepared(encoded(quarters(1920, 1080), "JPEG"), Preprocess(256, 448))
    assert sizes == [(960, 540)]
    assert (placement.width, placement.height) == (1920, 1080)


def test_a_jpeg_that_was_decoded_smaller_looks_as_if_it_was_not(monkeypatch):
    rng = np.random.default_rng(3)
    soft = Image.fromarray(rng.integers(0, 255, (27, 48, 3), np.uint8)).resize((1920, 1080), Image.Resampling.BICUBIC)
    data = encoded(soft, "JPEG", quality=90)
    smaller, _ = prepared(data, Preprocess(256, 448))
    monkeypatch.setattr(images, "_draft", lambda *_, **__: None)
    whole, _ = prepared(data, Preprocess(256, 448))
    assert np.abs(smaller.astype(int) - whole).max() <= 3


def test_a_jpeg_is_never_decoded_smaller_than_the_model_needs(monkeypatch):
    sizes = []
    fitted = images.fitted
    monkeypatch.setattr(images, "fitted", lambda image, *rest: (sizes.append(image.size), fitted(image, *rest))[1])
    for fit in Fit:
        prepared(encoded(quarters(900, 500), "JPEG"), Preprocess(448, 448, fit))
    assert sizes == [(900, 500)] * 3


def test_images_of_any_size_and_orientation_fill_the_input_of_the_model():
    rng = np.random.default_rng(5)
    for _ in range(60):
        width, height = (int(2 ** rng.uniform(0, 11)) for _ in range(2))
        exif = Image.Exif()
        exif[0x0112] = int(rng.integers(1, 9))
        data = encoded(flat((255, 255, 255), size=(width, height)), "JPEG", exif=exif)
        wanted = Preprocess(int(rng.integers(8, 300)), int(rng.integers(8, 300)), rng.choice(list(Fit)), padding=0)
        pixels, placement = prepared(data, wanted)
        assert pixels.shape == (wanted.height, wanted.width, 3)
        assert (placement.width, placement.height) in {(width, height), (height, width)}
        inner = pixels[: round(placement.height * placement.scale_y), : round(placement.width * placement.scale_x)]
        assert inner.min() > 240
        assert pixels.sum() == inner.sum()
