"""A whole quiz with the keyboard: from the first question to the file with the answers."""

import json


def test_a_whole_quiz_is_answered_with_the_keyboard(open_panel):
    notebook = open_panel("TrustQuiz(net, methods=['saliency', 'grad_cam'], trials=2, comparisons=1)")
    notebook.becomes("print(panel._bar.state)", "done", timeout=120)
    page = notebook.page
    notebook.screenshot("trust-quiz-before", notebook.panel)
    answers = page.locator(".cnnviz-trial-answers button[data-choice]")
    page.get_by_role("button", name="Start the trials").focus()
    page.keyboard.press("Enter")  # and from here on, keys alone
    right = eval(notebook.kernel("print([one.right for one in panel._experiment._set.quiz.trials])"))
    for number, key in enumerate(right, 1):
        page.get_by_text(f"Trial {number} of 6").wait_for()
        told = page.locator(".cnnviz-trial").inner_text()
        assert "right" not in told  # no feedback
        assert page.locator(".cnnviz-trial-table tr").count() == 0
        if key is None:
            assert answers.all_text_contents()[2] == "3  both the same"
            page.keyboard.press("9")  # there is no such answer
            notebook.screenshot("trust-quiz-networks", notebook.panel)
            page.keyboard.press("1")
        else:
            if number == 1:
                notebook.screenshot("trust-quiz-class", notebook.panel)
            page.keyboard.press("5")  # there are two
            page.keyboard.press(str(key + 1))
    page.get_by_text("Done: 6 trials.").wait_for()
    notebook.becomes(
        "print(panel.result and panel.result.told)",
        "Grad-CAM 100% (2 of 2; 34%…100%); saliency 100% (2 of 2; 34%…100%); by chance 50%",
    )
    page.locator(".cnnviz-trial-table").get_by_text("by chance").wait_for()
    cells = page.locator(".cnnviz-trial-table tbody tr").all_text_contents()
    assert cells[0].startswith("Grad-CAM100% (2 of 2; 34%…100%)")
    assert cells[2].startswith("by chance50%")
    assert eval(notebook.kernel("print([abs(one.value) for one in panel.result.answers[4:]])")) == [2, 2]
    assert all(float(one) > 0 for one in eval(notebook.kernel("print([one.seconds for one in panel.result.answers])")))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the answers").press("Enter")
    kept = json.loads(download.value.path().read_text())
    assert [one["asks"] for one in kept["answers"]] == ["class"] * 4 + ["networks"] * 2
    notebook.screenshot("trust-quiz-after", notebook.panel)
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Start the trials").press("Enter")
    page.get_by_text("Trial 1 of 6").wait_for()
    notebook.becomes("print(panel.result)", "None")
    page.keyboard.press("Escape")
    page.get_by_text("Stopped.").wait_for()
