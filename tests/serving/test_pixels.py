"""From an image of any size to the input of a model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopwatt.serving.contract import Fit, Preprocess
from stopwatt.serving.pixels import fitted, normalised, placement_of


def ramp(height, width):
    """Red rises to the right, green downwards, both from 0 to 255."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width).round()
    image[..., 1] = np.linspace(0, 255, height).round()[:, None]
    return image


def test_an_image_of_the_input_s_size_is_left_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    for fit in Fit:
        pixels, placement = fitted(image, Preprocess(32, 48, fit))
        assert np.array_equal(pixels, image)
        assert (placement.scale_x, placement.scale_y, placement.left, placement.top) == (1, 1, 0, 0)


def test_a_letterbox_keeps_the_ratio_and_pads_right_and_below():
    pixels, placement = fitted(np.full((100, 100, 3), 200, np.uint8), Preprocess(50, 80))
    assert pixels.shape == (50, 80, 3)
    assert (pixels[:, :50] == 200).all()
    assert (pixels[:, 50:] == 114).all()
    assert (placement.scale_x, placement.left, placement.top) == (0.5, 0, 0)


def test_a_stretched_image_fills_the_input_with_a_scale_for_each_direction():
    pixels, placement = fitted(ramp(100, 200), Preprocess(50, 50, Fit.STRETCH))
    assert (placement.scale_x, placement.scale_y) == (0.25, 0.5)
    assert pixels[25, 0, 0] < 8
    assert pixels[25, -1, 0] > 247


def test_a_crop_shows_the_centre_only():
    pixels, placement = fitted(ramp(100, 300), Preprocess(50, 50, Fit.CROP))
    assert (placement.scale_x, placement.left, placement.top) == (0.5, -50, 0)
    assert int(pixels[0, 0, 0]) == pytest.approx(85, abs=2)
    assert int(pixels[0, -1, 0]) == pytest.approx(170, abs=2)


def test_one_pixel_and_extreme_ratios_still_become_an_input():
    for height, width in ((1, 1), (1, 5000), (5000, 1)):
        for fit in Fit:
            pixels, placement = fitted(np.full((height, width, 3), 7, np.uint8), Preprocess(32, 48, fit))
            assert pixels.shape == (32, 48, 3)
            assert (placement.width, placement.height) == (width, height)


def test_shrinking_averages_rather_than_picks():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    pixels, _ = fitted(stripes, Preprocess(8, 8, Fit.STRETCH))
    assert abs(pixels.astype(int) - 128).max() < 16


def test_a_pillow_image_gives_the_same_as_its_array():
    from PIL import Image

    image = ramp(90, 160)
    assert np.array_equal(fitted(image, Preprocess(32, 48))[0], fitted(Image.fromarray(image), Preprocess(32, 48))[0])


@pytest.mark.parametrize("fit", list(Fit))
def test_a_version_of_half_size_lies_where_the_true_image_would(fit):
    preprocess = Preprocess(36, 36, fit)
    whole, half = ramp(108, 192), ramp(54, 96)
    full, placement = fitted(whole, preprocess)
    draft, same = fitted(half, preprocess, size=(192, 108))
    assert same == placement
    assert abs(full.astype(int) - draft).max() <= 3


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 2000), st.integers(1, 2000), st.sampled_from(list(Fit))
)
def test_a_letterbox_lies_inside_the_input_and_a_crop_covers_it(width, height, input_width, input_height, fit):
    placement = placement_of(width, height, Preprocess(input_height, input_width, fit))
    right = placement.left + width * placement.scale_x
    bottom = placement.top + height * placement.scale_y
    if fit is Fit.CROP:
        assert placement.left <= 1e-6
        assert placement.top <= 1e-6
        assert right >= input_width - 1e-6
        assert bottom >= input_height - 1e-6
    else:
        assert 0 < right <= input_width + 1e-6
        assert 0 < bottom <= input_height + 1e-6
        assert right == pytest.approx(input_width) or bottom == pytest.approx(input_height)


def test_normalised_pixels_are_shares_of_255_less_the_mean_over_the_deviation():
    preprocess = Preprocess(4, 5, mean=(0.5, 0.25, 0.0), std=(0.5, 2.0, 1.0))
    batch = np.random.default_rng(1).integers(0, 256, (2, 4, 5, 3), np.uint8)
    result = normalised(batch, preprocess)
    expected = (batch / 255 - np.array(preprocess.mean)) / np.array(preprocess.std)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    assert np.allclose(result, expected.transpose(0, 3, 1, 2), atol=1e-6)
