"""Panels on many pictures: what a click chooses, what goes on where it was, and what is drawn in files."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

import cnnviz_widgets as cnnviz
from cnnviz_widgets import panels
from cnnviz_widgets.panels.gathering import scattered
from cnnviz_widgets.panels.points import drawn, labels, star
from cnnviz_widgets.widgets.scatter import Cloud

COUNT = 30
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # remarks on few pictures


@pytest.fixture
def pictures() -> torch.Tensor:
    """Red ones, and blue ones, by turns."""
    torch.manual_seed(0)
    made = 0.2 * torch.rand(COUNT, 3, 48, 48)
    made[::2, 0] += 0.7
    made[1::2, 2] += 0.7
    return made


def opened(kind, network, photo, pictures, **settings):
    return kind(session=panels.Session(network, photo, dataset=pictures), **settings)


def pick(scatter, number: int) -> None:
    scatter._receive(scatter, {"do": "pick", "number": number}, [])


def test_a_click_chooses_the_picture_of_that_number(network, photo, pictures):
    panel = opened(panels.Embedding, network, photo, pictures, method="pca").run()
    pick(panel._map.scatter, 7)
    np.testing.assert_allclose(panel.session.image, pictures[7], atol=1e-6)
    panel._map.scatter._receive(None, {"do": "select"}, [np.array([4, 9], np.int32).tobytes()])
    assert panel.selection == panel.session.selection == (4, 9)
    assert panel.last_error is None
    panel.session.dataset = pictures[:5]
    assert panel.session.selection == ()
    panel.close()


def test_pictures_that_cannot_be_read_do_not_shift_the_others(network, photo, pictures, tmp_path):
    for number, one in enumerate(pictures):
        if number % 3 == 1:
            (tmp_path / f"{number:02}.png").write_bytes(b"no picture")
        else:
            Image.fromarray((255 * one.permute(1, 2, 0)).byte().numpy()).save(tmp_path / f"{number:02}.png")
    panel = opened(panels.Embedding, network, photo, tmp_path, method="pca").run()
    assert panel._map.scatter.cloud.numbers == [n for n in range(COUNT) if n % 3 != 1]
    pick(panel._map.scatter, 6)
    np.testing.assert_allclose(panel.session.image, pictures[6], atol=1 / 254)
    panel.close()


def test_another_perplexity_goes_on_from_the_map_that_was_reached(network, photo, pictures):
    panel = opened(panels.Embedding, network, photo, pictures, perplexity=5.0, steps=60)
    frames = panel.compute(panel._now())
    while True:
        shown = next(frames).parts.get("map")
        if shown and shown[1] and shown[1].step == 40:
            break
    frames.close()
    panel.perplexity = 9.0
    states = [frame.parts["map"][1] for frame in panel.compute(panel._now()) if frame.parts["map"][1]]
    assert [one.step for one in states] == [40, 50, 60]
    assert torch.equal(states[0].values, shown[1].values)
    assert states[-1].perplexity == 9
    code = panel.code()
    assert "perplexity=5.0), until=40)" in code
    assert "perplexity=9.0, start=state)" in code
    panel.close()


def test_the_map_keeps_what_was_found_of_another_layer(network, photo, pictures):
    panel = opened(panels.Embedding, network, photo, pictures, method="pca").run()
    found = panel.known(panel.session.layer)
    panel.compare = "pixels"
    panel.run()
    panel.compare = "layer"
    panel.run()
    assert panel.known(panel.session.layer) is found
    panel.session.dataset = pictures[:12]
    panel.run()
    assert len(panel.known(panel.session.layer).values) == 12
    panel.close()


def test_before_there_is_a_map_pictures_lie_by_their_principal_components():
    rows = torch.randn(40, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows *= torch.tensor([9.0, 4, *[0.3] * 10])
    names, none = tuple(map(str, range(40))), np.zeros((40, 8, 8, 3), np.uint8)
    found = cnnviz.Features(rows.float(), none, names, torch.arange(40), "layer", 40, 80, "")
    points = scattered(found).points
    whole = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    wanted = (whole.U[:, :2] * whole.S[:2]).numpy()
    turn, _, mirror = np.linalg.svd(np.linalg.pinv(points - points.mean(0)) @ wanted)
    ours = (points - points.mean(0)) @ turn @ mirror
    np.testing.assert_allclose(ours / np.abs(ours).max(), wanted / np.abs(wanted).max(), atol=1e-3)
    assert points.min() >= 0
    assert points.max() <= 1 + 1e-6


def test_neighbors_are_those_of_the_same_color(network, photo, pictures):
    panel = opened(panels.Neighbors, network, pictures[3], pictures, k=5).run()
    shown = panel._parts["by_pixels"].image.content
    assert shown.keys[0] == 3
    assert {key % 2 for key in shown.keys} == {1}
    assert shown.heads[0].startswith("1.00 ")
    panel.close()


def test_more_neighbors_than_pictures_are_all_pictures(network, photo, pictures):
    panel = opened(panels.Neighbors, network, photo, pictures[:4], k=16).run()
    assert sorted(panel._parts["by_layer"].image.content.keys) == [0, 1, 2, 3]
    panel.close()


def test_an_image_map_is_saved_as_large_as_it_says_with_the_pictures_themselves(network, photo, pictures):
    panel = opened(panels.ImageMap, network, photo, pictures, method="pca").run()
    content = panel._parts["grid"].image.content
    assert sorted(key for key in content.keys if key >= 0) == list(range(COUNT))
    saved = Image.open(io.BytesIO(panel.jpeg(960)))
    rows, columns = -(-COUNT // content.columns), content.columns
    assert max(saved.size) == 960
    cell = 960 // max(rows, columns)
    for at, key in enumerate(content.keys):
        if key >= 0:
            top, left = at // columns * cell + cell // 2, at % columns * cell + cell // 2
            red, _, blue = saved.getpixel((left, top))
            assert (red > blue) == (key % 2 == 0)
    panel.close()


def test_few_pictures_have_a_map_and_one_has_a_place(network, photo, pictures):
    for count in (5, 2):
        panel = opened(panels.Embedding, network, photo, pictures[:count]).run()
        assert len(panel._map.scatter.cloud.points) == count
        panel.close()


def test_a_tour_is_written_with_the_plane_where_it_was_paused(network, photo, pictures):
    panel = opened(panels.GrandTour, network, photo, pictures, axes=4).run()
    scatter = panel._view.scatter
    assert scatter.cloud.axes == tuple(network.classes)
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 2)))[0]
    scatter._receive(None, {"do": "basis"}, [basis.T.tobytes()])
    np.testing.assert_array_equal(scatter.basis, basis)
    scope = {"display": None}
    code = panel.code().replace("...  # the dataset that you gave to the panel", "given").splitlines()
    code = [line for line in code if not line.startswith(("net =", "photo ="))]
    exec("\n".join(code), scope | {"net": network, "photo": photo, "given": pictures}, scope)
    torch.testing.assert_close(scope["frame"].basis, torch.from_numpy(basis), atol=1e-6, rtol=0)
    panel.close()


def test_a_layer_can_be_chosen_while_one_is_looked_at(network, photo, pictures):
    tour = opened(panels.GrandTour, network, photo, pictures)
    grid = opened(panels.ImageMap, network, photo, pictures)
    assert [panel.controls["layer"].disabled for panel in (tour, grid)] == [True, False]
    tour.space, grid.compare = "layer", "pixels"
    assert [panel.controls["layer"].disabled for panel in (tour, grid)] == [False, True]
    hidden = opened(panels.GrandTour, network, photo, pictures, hide=("layer",))
    for panel in (tour, grid, hidden):
        panel.close()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["cat", "dog"] * 9, ["cat", "dog"] * 9),
        ([f"ring {n}" for n in range(30)] + [f"star {n}" for n in range(30)], ["ring"] * 30 + ["star"] * 30),
        ([f"picture {n}" for n in range(30)], []),
        ([f"{n}" for n in range(30)], []),
        ([f"class {n % 40}" for n in range(400)], [f"class {n % 40}" for n in range(400)]),
    ],
)
def test_colors_are_of_classes_that_pictures_share(names, found):
    assert list(labels(names)) == found


def test_a_star_is_a_plane():
    for dimensions in (3, 8, 64):
        np.testing.assert_allclose(star(dimensions).T @ star(dimensions), np.eye(2), atol=1e-12)


def test_a_file_shows_pictures_where_they_lie():
    thumbnails = np.zeros((2, 48, 48, 3), np.uint8)
    thumbnails[0, ..., 0] = thumbnails[1, ..., 2] = 255
    sheet = np.asarray(drawn(Cloud([[0, 0], [1, 1]], thumbnails=thumbnails), 400))
    assert sheet[20, 20].tolist() == [255, 0, 0]
    assert sheet[-20, -20].tolist() == [0, 0, 255]
    assert sheet[20, -20].tolist() == [255, 255, 255]
    dots = np.asarray(drawn(Cloud([[0, 0], [1, 1]]), 400))
    assert dots[8, 8].tolist() == [0, 0x72, 0xB2]
