"""Where a front end is told nothing between two cells (``CNNVIZ_SYNC``), a panel has computed when a setting is set."""

import threading

import cnnviz_widgets as cnnviz


def test_a_panel_needs_no_thread(monkeypatch, network, photo):
    monkeypatch.setenv("CNNVIZ_SYNC", "1")
    before = threading.active_count()
    panel = cnnviz.panels.Occlusion(network, photo).run()
    for size in (16, 24):
        panel.size = size
        assert panel.at_rest
        assert f"size={size}" in panel.code()
    assert threading.active_count() <= before
    panel.close()


def test_a_graded_panel_computes_nothing(monkeypatch, network, photo):
    monkeypatch.setenv("CNNVIZ_GRADE", "1")
    panel = cnnviz.panels.Occlusion(network, photo)
    assert panel._repr_mimebundle_() == {"text/plain": repr(panel)}
    assert not panel.shown
    panel.close()
