"""The page of a unit, from a scan and an atlas that are there."""

import statistics

from timing import seconds

import cnnviz_widgets as cnnviz


def test_a_page_from_a_scan_takes_half_a_second(record_speed):
    network = cnnviz.load_network("mini")
    scan = cnnviz.last(cnnviz.scan(network, cnnviz.scenes(100)), progress=False)
    panel = cnnviz.panels.Unit(network, "chelsea", scan=scan, layer="conv4")
    panel.run()  # what is loaded once

    def page():
        panel.session.channel += 1
        assert panel.wait(60)

    took = statistics.median(seconds(page) for _ in range(5))
    record_speed("unit page, mini", 1000 * took, took / 0.5)
    assert took <= 0.5
    panel.close()
