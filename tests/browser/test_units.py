"""The page of a unit and the semantic dictionary: what is pointed at and clicked in them."""

SETUP = 'import cnnviz_widgets as cnnviz\nnet = cnnviz.load_network("mini")'
DICTIONARY = 'panel = cnnviz.panels.Dictionary(net, "chelsea")\npanel'
UNIT = 'panel = cnnviz.panels.Unit(net, "chelsea")\npanel'


def test_a_position_that_is_pointed_at_shows_its_channels_and_a_click_chooses_the_strongest(open_notebook):
    notebook = open_notebook(SETUP, DICTIONARY)
    notebook.wait_for_pixels(1, timeout=120)
    notebook.kernel("panel.wait(120)")
    notebook.screenshot("dictionary-light")
    words = notebook.page.locator("canvas[aria-label^='Strongest: click a position']")
    words.scroll_into_view_if_needed()
    box = words.bounding_box()
    words.hover(position={"x": box["width"] * 1.5 / 8, "y": box["height"] * 2.5 / 8})
    notebook.becomes("print(panel.place)", "(1, 2)")
    notebook.becomes("print(panel._parts['here'].image.content.caption)", "conv5 at (2, 1)")
    words.click(position={"x": box["width"] * 1.5 / 8, "y": box["height"] * 2.5 / 8})
    strongest = "cnnviz.activation_grid(net, panel.session.image, 'conv5').channels[0, 2, 1]"
    notebook.becomes(f"print(panel.session.position, panel.session.channel == {strongest})", "(2, 1) tensor(True)")
    notebook.theme("JupyterLab Dark")
    notebook.screenshot("dictionary-dark")


def test_a_unit_goes_on_to_its_input(open_notebook):
    notebook = open_notebook(SETUP, UNIT)
    notebook.wait_for_pixels(0, timeout=120)
    notebook.kernel("panel.wait(120)")
    notebook.becomes("print(panel._parts['patches'].image.content.count, panel.session.layer)", "24 conv4")
    notebook.screenshot("unit-light")
    notebook.page.locator("canvas[aria-label^='The inputs']").click(position={"x": 30, "y": 50})
    notebook.becomes("print(panel.session.layer)", "conv3")
    notebook.kernel("panel.wait(60)")
    notebook.theme("JupyterLab Dark")
    notebook.screenshot("unit-dark")
