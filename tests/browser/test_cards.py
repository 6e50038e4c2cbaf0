"""What is added to the rest of the web UI: badges on cards, the filter, the warning above Generate."""

from playwright.sync_api import Locator, expect
from quartermaster.tests.browser.conftest import HOSTILE, LORAS, Visit


def card(at: Visit, name: str, where: str = "txt2img_lora") -> Locator:
    quoted = name.replace('"', '\\"')
    return at.page.locator(f'#{where}_cards .card[data-name="{quoted}"]')


def test_cards_have_badges_by_their_full_path_also_where_a_quote_cuts_it(at: Visit) -> None:
    at.checkpoint("sdxl-base.safetensors")
    at.networks()
    expect(card(at, "xl-harbor").locator(".qm-grade-full")).to_be_visible()
    expect(card(at, "15-ink").locator(".qm-grade-none")).to_have_attribute(
        "title", "None: Another architecture: the weights have other shapes."
    )
    expect(card(at, "pony-fox").locator(".qm-grade-partial")).to_be_visible()
    expect(card(at, HOSTILE).locator(".qm-grade-unknown")).to_be_visible()
    expect(card(at, 'it"s xl').locator(".qm-grade-full")).to_be_visible()
    expect(card(at, "xl-harbor").locator(".qm-elsewhere")).to_have_attribute("title", "Also on cellar, studio-3")
    at.networks("Textual Inversion")
    expect(card(at, "15-neg", "txt2img_textual_inversion").locator(".qm-grade-none")).to_be_visible()


def test_badges_follow_the_checkpoint(at: Visit) -> None:
    at.checkpoint("sdxl-base.safetensors")
    at.networks()
    expect(card(at, "15-ink").locator(".qm-grade-none")).to_be_visible()
    at.checkpoint("v15-dream.safetensors")
    expect(card(at, "15-ink").locator(".qm-grade-full")).to_be_visible()
    expect(card(at, "xl-harbor").locator(".qm-grade-none")).to_be_visible()
    expect(card(at, "xl-harbor").locator(".qm-badges")).to_have_count(1)


def test_cards_that_are_sorted_refreshed_or_replaced_keep_one_badge_each(at: Visit) -> None:
    at.networks()
    badges = at.page.locator("#txt2img_lora_cards .qm-badges")
    many = len(LORAS)
    expect(badges).to_have_count(many)
    at.page.locator("#txt2img_lora_extra_sort_name").first.click()
    expect(badges).to_have_count(many)
    at.page.evaluate("""() => {
        for (const one of document.querySelectorAll('#txt2img_lora_cards .card')) {
            const fresh = one.cloneNode(true);
            fresh.querySelector('.qm-badges')?.remove();
            delete fresh.dataset.qmSeen;
            delete fresh.dataset.qmState;
            one.replaceWith(fresh);
        }
    }""")
    expect(badges).to_have_count(many)
    at.page.locator("#txt2img_lora_extra_refresh").first.click()
    expect(badges).to_have_count(many)


def test_what_cannot_work_is_hidden_on_demand(at: Visit) -> None:
    at.checkpoint("sdxl-base.safetensors")
    at.networks()
    expect(card(at, "15-ink").locator(".qm-grade-none")).to_be_visible()
    button = at.page.locator("#txt2img_lora_controls").get_by_role("button", name="Hide incompatible").first
    button.click()
    expect(card(at, "15-ink")).to_be_hidden()
    expect(card(at, "xl-harbor")).to_be_visible()
    button.click()
    expect(card(at, "15-ink")).to_be_visible()


def test_a_line_above_generate_warns_of_what_cannot_work_or_is_missing(at: Visit) -> None:
    at.checkpoint("sdxl-base.safetensors")
    at.tab("txt2img")
    line = at.page.locator("#qm-warning-txt2img")
    expect(line).to_be_hidden()
    at.page.locator("#txt2img_prompt textarea").fill("a fox <lora:15-ink:0.7> <lora:gone:1>")
    expect(line).to_contain_text("15-ink Another architecture")
    expect(line).to_contain_text("gone This server has no LoRA of that name")
    above, box = line.bounding_box(), at.page.locator("#txt2img_generate").bounding_box()
    assert above is not None
    assert box is not None
    assert above["y"] + above["height"] <= box["y"]
    at.checkpoint("v15-dream.safetensors")
    expect(line).not_to_contain_text("15-ink")
    at.page.locator("#txt2img_prompt textarea").fill("a fox")
    expect(line).to_be_hidden()


def test_five_thousand_cards_get_their_badges_in_small_pieces(at: Visit) -> None:
    """No piece of the work is counted in time: what is counted is that each frame leaves the page to others."""
    at.networks()
    expect(card(at, "xl-harbor").locator(".qm-badges")).to_be_visible()
    at.page.evaluate("""() => {
        const pane = document.querySelector('#txt2img_lora_cards');
        const one = pane.querySelector('.card[data-name="xl-harbor"]');
        const many = document.createDocumentFragment();
        for (let i = 0; i < 5000; i += 1) {
            const copy = one.cloneNode(true);
            copy.querySelector('.qm-badges').remove();
            delete copy.dataset.qmSeen;
            delete copy.dataset.qmState;
            copy.dataset.many = '1';
            many.append(copy);
        }
        window.layouts = 0;
        const measured = Element.prototype.getBoundingClientRect;
        Element.prototype.getBoundingClientRect = function () {
            if (this.dataset?.many) window.layouts += 1;
            return measured.call(this);
        };
        pane.append(many);
    }""")
    expect(at.page.locator("#txt2img_lora_cards .card[data-many] .qm-badges")).to_have_count(5000)
    assert at.page.evaluate("window.layouts") == 0
