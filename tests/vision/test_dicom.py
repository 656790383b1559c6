from __future__ import annotations

import numpy as np
import pytest

from lmms_vg._util.error_codes import BadImage
from lmms_vg.vision import dicom
from lmms_vg.vision.dicom import BurnedIn, is_dicom, read_slice
from lmms_vg.vision.windows import GreyWindow

pydicom = pytest.importorskip("pydicom")
from dicom_files import NAME, RAMP, picture, save  # noqa: E402
from pydicom.dataset import Dataset  # noqa: E402
from pydicom.uid import JPEGLSLossless  # noqa: E402


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.dcm"


def test_a_stated_window_counts_in_the_values_of_the_scan(path):
    save(path, picture())
    read = read_slice(path, window=GreyWindow(0, 1024))  # -512 to 512 are 512 to 1536 as stored
    assert read.pixels.dtype == np.uint8
    assert read.pixels.ravel()[[0, 32, 64, 96, 255]].tolist() == [0, 0, 128, 255, 255]
    assert read.window == GreyWindow(0, 1024)


def by_the_standard(values, centre, width):
    """PS3.3 C.11.2.1.2.1, the default function, to 0..255, one value at a time."""
    shown = []
    for value in values:
        if value <= centre - 0.5 - (width - 1) / 2:
            shown.append(0)
        elif value > centre - 0.5 + (width - 1) / 2:
            shown.append(255)
        else:
            shown.append(((value - (centre - 0.5)) / (width - 1) + 0.5) * 255)
    return shown


@pytest.mark.parametrize(("number", "window"), [(None, (40, 400)), (0, (40, 400)), (1, (-600, 1500))])
def test_one_of_several_windows_is_taken_by_its_number(path, number, window):
    save(path, picture(WindowCenter=[40, -600], WindowWidth=[400, 1500]))
    read = read_slice(path, window=number)
    assert read.window == window
    expected = by_the_standard((RAMP.astype(int) - 1024).ravel(), *window)
    assert np.abs(read.pixels.ravel() - expected).max() <= 0.5


def test_a_window_that_no_pixel_reaches_the_ends_of_is_not_stretched(path):
    save(path, picture(np.full((4, 4), 1024, np.uint16), WindowCenter=1, WindowWidth=101))
    assert (read_slice(path).pixels == 126).all()  # ((0 - 0.5) / 100 + 0.5) * 255 = 126.2


def test_a_sigmoid_is_followed(path):
    save(path, picture(WindowCenter=0, WindowWidth=400, VOILUTFunction="SIGMOID"))
    values = RAMP.astype(float).ravel() - 1024
    assert np.abs(read_slice(path).pixels.ravel() - 255 / (1 + np.exp(-4 * values / 400))).max() <= 0.51


def test_a_window_that_the_file_has_not_is_refused(path):
    save(path, picture(WindowCenter=40, WindowWidth=400))
    with pytest.raises(BadImage, match=r"a.dcm: window 1: it has 1 windows of its own, counted from 0"):
        read_slice(path, window=1)


def test_without_a_window_percentiles_of_the_frame_count(path):
    save(path, picture())
    low, high = np.percentile(RAMP.astype(float) - 1024, [0.5, 99.5])
    assert read_slice(path).window == pytest.approx(((low + high) / 2, high - low))


def test_lookup_tables_of_values_of_interest_are_followed(path):
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [4, 0, 8], np.array([0, 10, 20, 255], "<u2").tobytes()
    stored = np.array([[0, 1, 2, 3, 9]], np.uint16)
    save(path, picture(stored, RescaleIntercept=0, VOILUTSequence=[table]))
    assert read_slice(path).pixels.tolist() == [[0, 10, 20, 255, 255]]


def test_white_is_bright_in_monochrome1(path):
    save(path, picture(WindowCenter=0, WindowWidth=1024))
    bright = read_slice(path).pixels
    save(path, picture(photometric="MONOCHROME1", WindowCenter=0, WindowWidth=1024))
    assert (read_slice(path).pixels == 255 - bright).all()


def test_colours_are_kept(path):
    stored = np.random.default_rng(0).integers(0, 255, (5, 6, 3)).astype(np.uint8)
    save(path, picture(stored, "RGB"))
    read = read_slice(path)
    assert (read.pixels == stored).all()
    assert read.window is None


def test_a_palette_becomes_colours(path):
    tables = {}
    for colour, entries in (("Red", [0, 255]), ("Green", [128, 0]), ("Blue", [1, 2])):
        tables[f"{colour}PaletteColorLookupTableDescriptor"] = [2, 0, 8]
        tables[f"{colour}PaletteColorLookupTableData"] = bytes(entries)
    save(path, picture(np.array([[0, 1]], np.uint8), "PALETTE COLOR", **tables))
    assert read_slice(path).pixels.tolist() == [[[0, 128, 1], [255, 0, 2]]]


def test_frames_are_counted_from_0(path):
    save(path, picture(np.stack([RAMP, RAMP[::-1]]), NumberOfFrames=2, WindowCenter=0, WindowWidth=4096))
    assert (read_slice(path, 1).pixels == read_slice(path, 0).pixels[::-1]).all()
    for frame in (2, -1, 0.0, True):
        with pytest.raises(BadImage, match=f"a.dcm: frame {frame}: its frames are 0 to 1"):
            read_slice(path, frame)


def test_enhanced_files_state_rescaling_and_window_per_frame(path):
    def group(centre):
        lut, window, one = Dataset(), Dataset(), Dataset()
        lut.RescaleSlope, lut.RescaleIntercept = 2, -1000
        window.WindowCenter, window.WindowWidth = centre, 101
        one.PixelValueTransformationSequence, one.FrameVOILUTSequence = [lut], [window]
        return one

    data = picture(np.full((2, 2, 2), 500, np.uint16), NumberOfFrames=2)
    del data.RescaleSlope, data.RescaleIntercept
    data.PerFrameFunctionalGroupsSequence = [group(0), group(200)]
    save(path, data)
    first, second = read_slice(path, 0), read_slice(path, 1)  # 2 * 500 - 1000 = 0
    assert (first.window, second.window) == ((0, 101), (200, 101))
    assert (first.pixels == 129).all()  # ((0 + 0.5) / 100 + 0.5) * 255 = 128.8
    assert (second.pixels == 0).all()


def test_text_burned_into_pixels_is_refused_unless_it_is_allowed(path):
    save(path, picture(BurnedInAnnotation="YES"))
    with pytest.raises(BurnedIn, match=r"a.dcm: it states that text is burned into its pixels"):
        read_slice(path)
    assert read_slice(path, allow_burned_in=True).pixels.shape == (16, 16)
    save(path, picture(BurnedInAnnotation="NO"))
    assert read_slice(path).pixels.shape == (16, 16)


def test_nothing_that_says_whose_it_is_leaves(path):
    save(path, picture(PatientComments=NAME, PixelSpacing=[0.7, 0.8]))
    read = read_slice(path)
    assert read.tags == {
        "Modality": "CT",
        "BodyPartExamined": "CHEST",
        "PhotometricInterpretation": "MONOCHROME2",
        "PixelSpacing": "[0.7, 0.8]",
    }
    assert not {"Doe", "4711", "19700101", "General Hospital"} & set(repr(read))
    parsed = dicom._open(path)
    assert not [element for element in parsed if "Patient" in element.keyword or element.keyword == "InstitutionName"]


def test_messages_about_damaged_files_quote_no_tag(path):
    save(path, picture(PatientName=NAME))
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(BadImage, match=r"^a.dcm: its pixels are cut short or damaged \(\w+\)$"):
        read_slice(path)
    path.write_bytes(b"no DICOM file" * 20)
    with pytest.raises(BadImage, match=r"^a.dcm: not a DICOM file, or damaged \(InvalidDicomError\)$"):
        read_slice(path)


def test_a_compressed_file_without_decoder_names_the_line_that_installs_one(path, monkeypatch):
    data = picture()
    data.file_meta.TransferSyntaxUID = JPEGLSLossless
    data.PixelData = pydicom.encaps.encapsulate([b"\0" * 8])
    save(path, data)
    from pydicom.pixels import get_decoder

    monkeypatch.setattr(type(get_decoder(JPEGLSLossless)), "is_available", False)
    with pytest.raises(BadImage, match=r"nothing here decodes JPEG-LS Lossless .* pip install pylibjpeg"):
        read_slice(path)


def test_run_length_encoding_needs_no_decoder(path):
    data = picture(WindowCenter=0, WindowWidth=4096)
    save(path, data)
    plain = read_slice(path).pixels
    data.compress(pydicom.uid.RLELossless)
    save(path, data)
    assert (read_slice(path).pixels == plain).all()


def test_files_without_pixels_and_too_large_ones_are_refused(path, monkeypatch):
    data = picture()
    del data.PixelData
    save(path, data)
    with pytest.raises(BadImage, match=r"a.dcm: it has no pixels"):
        read_slice(path)
    save(path, picture())
    monkeypatch.setattr(dicom, "MAX_BYTES", 16 * 255)
    with pytest.raises(BadImage, match=r"a.dcm: 16 x 16 pixels; allowed are 1 to 255"):
        read_slice(path)


@pytest.mark.parametrize(
    ("cosines", "letters"),
    [([1, 0, 0, 0, 1, 0], "LP"), ([-1, 0, 0, 0, -1, 0], "RA"), ([0, 0.99, 0.1, 0, 0, -1], "PI"), (None, "")],
)
def test_which_way_the_pixels_lie_is_said(path, cosines, letters):
    save(path, picture(**({"ImageOrientationPatient": cosines} if cosines else {})))
    assert read_slice(path).orientation == letters


def test_a_missing_file_is_an_error_of_the_system(path):
    with pytest.raises(FileNotFoundError):
        read_slice(path)


def test_dicom_is_known_by_its_name():
    assert [is_dicom(name) for name in ("a.dcm", "a.DICOM", "a.png")] == [True, True, False]
