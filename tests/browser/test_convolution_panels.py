"""The panels on convolutions in JupyterLab: Python computes what is edited in the browser, and the other way."""

COUNTED = """() => {
    window.updates = 0;
    const kernel = window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
    kernel.anyMessage.connect((_, { msg, direction }) => {
        if (direction === "send" && msg.header.msg_type === "comm_msg" && msg.content.data.method === "update") window.updates += 1;
    });
}"""  # noqa: E501


def test_a_gesture_is_one_message_and_comes_back_unchanged(open_panel):
    notebook = open_panel("Convolution('mini', photo, pixels=12)")
    weights = notebook.page.locator(".cnnviz-weight")
    weights.nth(8).click()
    notebook.becomes("print(panel._bar.state)", "done")
    notebook.page.evaluate(COUNTED)
    notebook.page.keyboard.type("2.5")
    notebook.becomes("print(panel.kernel[2])", "[-1, 0, 2.5]")
    notebook.becomes("print(panel._bar.state)", "done")
    notebook.page.wait_for_timeout(500)
    assert notebook.page.evaluate("updates") == 1
    assert weights.nth(8).inner_text() == "2.5"
    assert "2.5" in notebook.kernel("print(panel.code())")
    notebook.kernel("panel.kernel = [[1, 2], [3, 4]]; panel.place = (3, 4)")
    notebook.page.wait_for_function("document.querySelectorAll('.cnnviz-weight').length === 4")
    notebook.page.wait_for_timeout(500)
    assert notebook.page.evaluate("updates") == 1
    said = notebook.page.locator(".cnnviz-window-sum").inner_text()
    assert said.startswith("row 3, column 4:")
    value = notebook.kernel("print(float(cnnviz.convolve(panel._parts['view'].view.input, panel.kernel).values[3, 4]))")
    assert said.endswith(f" {float(value):g}")


def test_reset_takes_back_what_was_edited_in_the_browser(open_panel):
    notebook = open_panel("ConvolutionMatrix('mini', photo)")
    stride = notebook.page.get_by_label("Stride")
    stride.fill("2")
    notebook.becomes("print(panel.stride)", "2")
    notebook.becomes("print(panel._bar.state)", "done")
    notebook.kernel("panel.reset()")
    notebook.becomes("print(panel.stride)", "1")
    stride.blur()
    notebook.page.wait_for_function("document.querySelector('.cnnviz-count-field').value === '1'")
