"""Where a front end is told nothing between two cells (``CNNVIZ_SYNC``), a panel has computed when a setting is set."""

import sys
import threading
from types import ModuleType, SimpleNamespace

import cnnviz_widgets as cnnviz
from cnnviz_widgets.panels import displayed


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


def test_colab_is_asked_once_for_widgets_that_are_not_its_own(monkeypatch, network, photo):
    asked, google, colab = [], ModuleType("google"), ModuleType("google.colab")
    google.colab, colab.output = colab, SimpleNamespace(enable_custom_widget_manager=lambda: asked.append(True))
    for module in (google, colab):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    displayed._let_colab_fetch_widgets.cache_clear()
    for _ in range(2):
        cnnviz.panels.Filters(network, photo).run().close()
    assert asked == [True]
    displayed._let_colab_fetch_widgets.cache_clear()
