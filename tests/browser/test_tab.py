"""The tab as a whole: keyboard, memory, widths, themes, quiet while nobody looks, and Reload UI."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from quartermaster.tests.browser.conftest import AT_START, Visit
from quartermaster.tests.fakes.web_ui.standin import WebUi

VIEWS = ("Models", "Compatibility", "Fleet", "Jobs", "Check", "Hub")


def test_arrow_keys_move_between_the_sub_tabs_and_the_choice_is_remembered(at: Visit) -> None:
    at.view("Models")
    page = at.page
    for name in VIEWS[1:]:
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=name, exact=True)).to_be_focused()
        expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Models", exact=True)).to_be_focused()
    page.keyboard.press("End")
    assert page.locator("#quartermaster [role=tab][tabindex='0']").count() == 1
    at.open()
    at.tab()
    expect(page.get_by_role("tab", name="Hub", exact=True)).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_view_fits_a_telephone(canned: WebUi, visit: Callable[..., Visit], theme: str) -> None:
    at = visit(canned.url, width=360, height=740)
    at.post("canned", **AT_START)
    at.open(theme)
    for name in VIEWS:
        at.view(name)
        panel = at.page.locator(f"#qm-panel-{name.lower()}")
        expect(panel.locator("button, input").first).to_be_visible()
        assert at.page.evaluate("document.documentElement.scrollWidth") <= 360, name
        box = at.page.locator("#quartermaster").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(canned: WebUi, visit: Callable[..., Visit], theme: str) -> None:
    """At least 4.5 to 1, the ratio that WCAG asks of text."""
    at = visit(canned.url)
    at.open(theme)
    at.view("Models")
    expect(at.page.locator("#qm-panel-models tbody tr").first).to_be_visible()
    for selector in (".qm-name span", ".qm-path", "td.qm-col-type", "td.qm-col-size", "th .qm-sort", ".qm-count"):
        ratio = at.page.locator(f"#quartermaster {selector}").first.evaluate(CONTRAST)
        assert ratio >= 4.5, f"{selector}: {ratio:.1f}"


CONTRAST = """(node) => {
    const parts = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (text) => {
        const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = parts(text).map((v) => linear(v / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let back = node, colour = 'rgba(0, 0, 0, 0)';
    while (back && (parts(colour)[3] ?? 1) < 1) {
        colour = getComputedStyle(back).backgroundColor;
        back = back.parentElement;
    }
    const [a, b] = [light(getComputedStyle(node).color), light(colour)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
}"""


def test_nothing_is_asked_while_nobody_looks(canned: WebUi, visit: Callable[..., Visit]) -> None:
    at = visit(canned.url)
    at.post("canned", **{**AT_START, "progress": "hashing"})
    at.page.clock.install()
    with at.page.expect_response("**/quartermaster/cards"):
        at.open()
    at.view("Models")
    expect(at.page.locator(".qm-strip")).to_contain_text("Hashing")
    at.asked()
    with at.page.expect_response("**/quartermaster/status"):
        at.page.clock.run_for(2500)
    at.tab("Settings")
    expect(at.page.locator("#quartermaster")).to_be_hidden()
    at.page.evaluate("() => new Promise(requestAnimationFrame)")  # the observer reports before the next frame
    at.asked()
    at.page.clock.run_for(120_000)
    assert at.asked() == []


def test_after_reload_ui_the_page_is_whole_again(at: Visit) -> None:
    at.view("Fleet")
    at.tab("Settings")
    with at.page.expect_navigation():
        at.page.get_by_role("button", name="Reload UI").click()
    at.ready()
    at.view("Models")
    expect(at.page.locator("#qm-panel-models tbody tr")).to_have_count(50)
    assert at.page.locator(".qm-tabs").count() == 1
    at.networks()
    expect(at.page.locator("#txt2img_lora_cards .qm-badges").first).to_be_visible()
