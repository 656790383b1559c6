from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from lmms_vg._util.error_codes import BadImage
from lmms_vg.vision import nifti
from lmms_vg.vision.nifti import is_nifti, read_volume, require_same_grid

nibabel = pytest.importorskip("nibabel")

SHAPE = (4, 5, 6)  # to the right, front and head
SIZES = (0.5, 2.0, 3.0)  # millimetres
WORLD = np.random.default_rng(0).integers(-1000, 1000, SHAPE).astype(np.int16)
ALL = ["".join(one[0] if up else one[1] for one, up in zip(axes, ups, strict=True))
       for axes in permutations(("RL", "AP", "SI")) for ups in product((True, False), repeat=3)]  # fmt: skip


def save(path, values, affine):
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def stored_as(letters):
    """The volume `WORLD` with its axes going where `letters` say, and the affine that says so, both by hand."""
    values, affine = WORLD, np.eye(4)
    order = ["RLAPSI".index(letter) // 2 for letter in letters]
    values = values.transpose(order)
    for axis, (towards, letter) in enumerate(zip(order, letters, strict=True)):
        flipped = letter in "LPI"
        affine[:3, axis] = 0
        affine[towards, axis] = -SIZES[towards] if flipped else SIZES[towards]
        affine[towards, 3] = SIZES[towards] * (SHAPE[towards] - 1) if flipped else 0
        if flipped:
            values = np.flip(values, axis)
    return np.ascontiguousarray(values), affine


@pytest.mark.parametrize("letters", ALL)
def test_a_volume_is_the_same_however_it_is_stored(tmp_path, letters):
    volume = read_volume(save(tmp_path / "v.nii.gz", *stored_as(letters)))
    assert volume.stored == letters
    assert (volume.values == WORLD).all()
    assert volume.affine == pytest.approx(np.diag([*SIZES, 1]))


def test_slices_are_shown_as_a_radiologist_expects_them(tmp_path):
    volume = read_volume(save(tmp_path / "v.nii", *stored_as("LAS")))
    right, front, head = (length - 1 for length in SHAPE)
    for plane, top_left, bottom_right in (
        ("axial", (right, front, 2), (0, 0, 2)),  # top: front; left: the patient's right
        ("coronal", (right, 2, head), (0, 2, 0)),  # top: head; left: the patient's right
        ("sagittal", (2, front, head), (2, 0, 0)),  # top: head; left: front
    ):
        shown = volume.slice(plane, 2)
        assert shown[0, 0] == WORLD[top_left]
        assert shown[-1, -1] == WORLD[bottom_right]
    assert volume.slice("axial", 1)[0, 1] == WORLD[right - 1, front, 1]
    assert volume.slice("sagittal", 1)[1, 0] == WORLD[1, front, head - 1]


def test_shapes_and_counts_of_planes(tmp_path):
    volume = read_volume(save(tmp_path / "v.nii", *stored_as("PSL")))
    assert [(volume.slice(plane, 0).shape, volume.slices(plane)) for plane in nifti.PLANES] == [
        ((6, 5), 4),
        ((6, 4), 5),
        ((5, 4), 6),
    ]


@pytest.mark.parametrize(("plane", "index"), [("axial", 6), ("axial", -1), ("sagittal", 1.0), ("axial", True)])
def test_a_slice_outside_names_those_that_exist(tmp_path, plane, index):
    volume = read_volume(save(tmp_path / "v.nii", *stored_as("RAS")))
    with pytest.raises(BadImage, match=rf"v.nii: slice {index}: its {plane} slices are 0 to [35]"):
        volume.slice(plane, index)


def test_a_plane_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(BadImage, match="plane 'oblique': allowed is sagittal, coronal, axial"):
        read_volume(save(tmp_path / "v.nii", *stored_as("RAS"))).slice("oblique", 0)


def test_the_scale_of_the_file_is_applied(tmp_path):
    image = nibabel.Nifti1Image(WORLD, np.eye(4))
    image.header.set_slope_inter(2, -1000)
    nibabel.save(image, tmp_path / "v.nii")
    read = nibabel.load(tmp_path / "v.nii")
    assert (read_volume(tmp_path / "v.nii").values == np.asarray(read.dataobj)).all()


def turned(degrees):
    angle = np.radians(degrees)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return affine


def test_up_to_five_degrees_of_tilt_are_read_and_more_are_refused(tmp_path):
    assert (read_volume(save(tmp_path / "v.nii", WORLD, turned(4.9))).values == WORLD).all()
    with pytest.raises(BadImage, match=r"w.nii: it is tilted by 5\.1 degrees .* at most 5"):
        read_volume(save(tmp_path / "w.nii", WORLD, turned(5.1)))


def test_a_file_that_states_no_directions_needs_them_from_the_user(tmp_path):
    values, _ = stored_as("LPI")
    path = tmp_path / "v.nii"
    nibabel.save(nibabel.Nifti1Image(values, None), path)
    with pytest.raises(BadImage, match="does not say how the patient lies"):
        read_volume(path)
    assert (read_volume(path, "LPI").values == WORLD).all()
    for wrong in ("LPX", "LLI", "LP", "RL"):
        with pytest.raises(BadImage, match=f"orientation '{wrong}': allowed is one letter of each"):
            read_volume(path, wrong)


def test_stated_directions_have_to_be_those_of_the_header(tmp_path):
    path = save(tmp_path / "v.nii", *stored_as("LAS"))
    assert (read_volume(path, "LAS").values == WORLD).all()
    with pytest.raises(BadImage, match="orientation 'RAS' is stated, but its header says LAS"):
        read_volume(path, "RAS")


def test_a_header_that_contradicts_itself_is_refused(tmp_path):
    image = nibabel.Nifti1Image(WORLD, np.eye(4))
    image.set_sform(np.diag([-1, 1, 1, 1]), code=1)
    image.set_qform(np.eye(4), code=1)
    nibabel.save(image, tmp_path / "v.nii")
    with pytest.raises(BadImage, match="contradicts itself on how it lies: sform LAS and qform RAS"):
        read_volume(tmp_path / "v.nii")


def test_a_fourth_axis_of_one_is_dropped_and_a_longer_one_is_refused(tmp_path):
    assert (read_volume(save(tmp_path / "v.nii", WORLD[..., None], np.eye(4))).values == WORLD).all()
    with pytest.raises(BadImage, match=r"its shape is \(4, 5, 6, 2\); allowed is one volume"):
        read_volume(save(tmp_path / "w.nii", np.stack([WORLD, WORLD], -1), np.eye(4)))


def test_a_volume_that_is_too_large_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = save(tmp_path / "v.nii", WORLD, np.eye(4))
    monkeypatch.setattr(nifti, "MOST_VOXELS", 119)
    monkeypatch.setattr(nifti, "_values", lambda *_: pytest.fail("its voxels were read"))
    with pytest.raises(BadImage, match="120 voxels; at most 119 are read"):
        read_volume(path)


@pytest.mark.parametrize(("name", "keep"), [("v.nii.gz", 300), ("v.nii", 400), ("v.nii", 10)])
def test_a_file_that_is_cut_short_is_refused_with_its_name(tmp_path, name, keep):
    path = save(tmp_path / name, WORLD, np.eye(4))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadImage, match=f"^{name}: .*damaged"):
        read_volume(path)


def test_other_formats_of_nibabel_are_refused(tmp_path):
    nibabel.save(nibabel.MGHImage(WORLD.astype(np.float32), np.eye(4)), tmp_path / "v.mgz")
    (tmp_path / "v.mgz").rename(tmp_path / "v.nii.gz")
    with pytest.raises(BadImage, match=r"v.nii.gz: .*NIfTI"):
        read_volume(tmp_path / "v.nii.gz")


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_volume(tmp_path / "v.nii")


def test_an_image_and_its_mask_meet_whatever_their_affines(tmp_path):
    first = read_volume(save(tmp_path / "image.nii", *stored_as("LAS")))
    require_same_grid(first, read_volume(save(tmp_path / "mask.nii", *stored_as("PIR"))))


def test_other_grids_are_refused_and_both_are_named(tmp_path):
    values, affine = stored_as("RAS")
    first = read_volume(save(tmp_path / "image.nii", values, affine))
    affine[0, 3] += 0.04  # less than a tenth of the smallest voxel
    require_same_grid(first, read_volume(save(tmp_path / "mask.nii", values, affine)))
    affine[0, 3] += 0.02
    with pytest.raises(BadImage, match=r"image.nii \(4, 5, 6\) and mask.nii \(4, 5, 6\) .* up to 0\.1 mm"):
        require_same_grid(first, read_volume(save(tmp_path / "mask.nii", values, affine)))
    with pytest.raises(BadImage, match=r"mask.nii \(3, 5, 6\) are on different grids"):
        require_same_grid(first, read_volume(save(tmp_path / "mask.nii", values[1:], affine)))


def test_nifti_is_known_by_its_name():
    assert [is_nifti(name) for name in ("a.nii", "a.NII.GZ", "a.gz", "a.png")] == [True, True, False, False]
