"""What a run says at its end of images that gave no result."""

import pytest

from stopwatt.cli import main


@pytest.fixture
def ended(light, photos, tmp_path, capsys):
    """`(model, **photos)`: the exit code and what was said of a run of four images."""

    def run(model, **trouble):
        words = ("run", photos(4, **trouble), "--model", light(model).source, "--out", tmp_path / "out")
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in (*words, "--no-ceilings", "--decoders", 1, "--batch", 2)])
        return left.value.code, " ".join(capsys.readouterr().err.split())

    return run


def test_outputs_that_are_not_what_the_task_expects_are_described_at_the_end_of_the_run(ended):
    code, said = ended("wrong")
    assert code == 3
    assert "4 of 4 images gave no result" in said
    assert "the first is 000000.bmp: logits are of shape [1, 2, 2], not of 2 dimensions" in said
    assert "mend the model or its contract (or take --task raw" in said
    assert "the results of the others" not in said


def test_the_first_image_that_failed_is_named_with_its_reason_beside_how_many_did(ended):
    code, said = ended("classifier", broken=(1, 3))
    assert code == 3
    assert "not-an-image 2; the first is 000001.bmp: it is in no format that is known" in said
    assert "the results of the others are complete" in said
