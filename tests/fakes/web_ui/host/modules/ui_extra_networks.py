"""The pages of extra networks, with the cards in the hosts' own markup (docs: HOSTS, "The page")."""

import html
import os

import gradio as gr
from fastapi.responses import JSONResponse

from modules import sd_models, shared

extra_pages = []
PREVIEWS = (".preview.png", ".preview.svg", ".png", ".jpg", ".webp")


def quote_js(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class ExtraNetworksPage:
    """One kind of network."""

    def __init__(self, title):
        self.title, self.name = title, title.lower()
        self.extra_networks_tabname = self.name.replace(" ", "_")
        self.items = {}

    def refresh(self):
        pass

    def list_items(self):
        raise NotImplementedError

    def item_of(self, path, index):
        base = os.path.splitext(os.path.basename(path))[0]
        info = os.stat(path)
        stem = os.path.splitext(path)[0]
        return {
            "name": base,
            "filename": path,
            "preview": next((stem + end for end in PREVIEWS if os.path.isfile(stem + end)), None),
            "search_terms": [os.path.relpath(path, os.path.dirname(self.folder()))],
            "prompt": quote_js(f"<{self.name}:{base}:") + " + 1 + " + quote_js(">"),
            "sort_keys": {
                "default": index,
                "date_created": int(info.st_mtime),
                "date_modified": int(info.st_ctime),
                "name": os.path.basename(path).lower(),
                "path": path.lower(),
            },
        }

    def create_item_html(self, tabname, item):
        """Return one card. Neither host escapes the path that the copy button holds, so a quote cuts it short."""
        keys = dict(item["sort_keys"])
        if shared.is_forge:
            keys["SDversion"] = item.get("sd_version", "SdVersion.Unknown")
        sort = " ".join(f'data-sort-{key}="{html.escape(str(value))}"' for key, value in keys.items())
        clicked = item.get("onclick") or html.escape(f'cardClicked("{tabname}", {item["prompt"]});')
        picture = (
            f'<img src="file={html.escape(item["preview"])}" class="preview" loading="lazy">' if item["preview"] else ""
        )
        terms = "".join(f"<span class='hidden search_terms'>{html.escape(t)}</span>" for t in item["search_terms"])
        name = html.escape(item["name"])
        page = self.extra_networks_tabname
        return f"""<div class="card" style="font-size: 100%;" onclick="{clicked}" data-name="{name}" {sort}>
	{picture}
	<div class="button-row"><div class="copy-path-button card-button"
    title="Copy path to clipboard"
    onclick="extraNetworksCopyCardPath(event)"
    data-clipboard-text="{item["filename"]}">
</div><div class="edit-button card-button" title="Edit metadata"
    onclick="extraNetworksEditUserMetadata(event, '{tabname}', '{page}')">
</div></div>
	<div class="actions">
		<div class="additional">{terms}</div>
		<span class="name">{name}</span>
		<span class="description"></span>
	</div>
</div>
"""

    def create_html(self, tabname, *, empty=False):
        """Return the pane: its controls, which the page moves away, and its cards."""
        listed = [] if empty else list(self.list_items())
        self.items = {item["name"]: item for item in listed}
        cards = "".join(self.create_item_html(tabname, item) for item in self.items.values())
        full = f"{tabname}_{self.extra_networks_tabname}"
        return f"""<div id='{full}_pane' class='extra-network-pane extra-network-dirs-hidden'>
    <div class="extra-network-control" id="{full}_controls" style="display:none" >
        <div class="extra-network-control--search"><input id="{full}_extra_search"
            class="extra-network-control--search-text" type="search" placeholder="Search"></div>
        <div id="{full}_extra_sort_name" class="extra-network-control--sort" data-sortkey="name" title="Sort by name"
            onclick="standInSort('{full}');"><i class="extra-network-control--icon">N</i></div>
        <div id="{full}_extra_refresh" class="extra-network-control--refresh" title="Refresh page"
            onclick="extraNetworksControlRefreshOnClick(event, '{tabname}', '{self.extra_networks_tabname}');">
            <i class="extra-network-control--icon extra-network-control--refresh-icon">R</i></div>
    </div>
    <div class="extra-network-pane-content-dirs">
        <div id='{full}_dirs' class='extra-network-dirs'></div>
        <div id='{full}_cards' class='extra-network-cards'>
            {cards or "<div class='nocards'>" + ("Loading..." if empty else "Nothing here.") + "</div>"}
        </div>
    </div>
</div>
"""


class ExtraNetworksPageCheckpoints(ExtraNetworksPage):
    def __init__(self):
        super().__init__("Checkpoints")

    def folder(self):
        return sd_models.model_path

    def refresh(self):
        shared.refresh_checkpoints()

    def list_items(self):
        for index, (title, info) in enumerate(list(sd_models.checkpoints_list.items())):
            item = self.item_of(info.filename, index)
            yield {**item, "onclick": html.escape(f"return selectCheckpoint({quote_js(title)})")}


class ExtraNetworksPageTextualInversion(ExtraNetworksPage):
    def __init__(self):
        super().__init__("Textual Inversion")

    def folder(self):
        return shared.cmd_opts.embeddings_dir

    def list_items(self):
        folder = self.folder()
        for index, name in enumerate(sorted(os.listdir(folder)) if os.path.isdir(folder) else []):
            if name.endswith((".safetensors", ".pt")):
                item = self.item_of(os.path.join(folder, name), index)
                yield {**item, "prompt": quote_js(item["name"])}


def register_page(page):
    extra_pages.append(page)


def initialize():
    extra_pages.clear()
    register_page(ExtraNetworksPageTextualInversion())
    register_page(ExtraNetworksPageCheckpoints())


def add_pages_to_demo(app):
    def get_single_card(page: str = "", tabname: str = "", name: str = ""):
        found = next(one for one in extra_pages if one.name == page)
        return JSONResponse({"html": found.create_item_html(tabname, found.items[name])})

    app.add_api_route("/sd_extra_networks/get-single-card", get_single_card, methods=["GET"])


def create_ui(interface, tabname, js_keyword):
    """Put one tab per page into the surrounding ``gr.Tabs``; the cards arrive with ``interface.load``."""
    elements, refreshes = [], []

    def refresh():
        for one in extra_pages:
            one.refresh()
        return [one.create_html(tabname) for one in extra_pages]

    for page in extra_pages:
        full = f"{tabname}_{page.extra_networks_tabname}"
        with gr.Tab(page.title, elem_id=full, elem_classes=["extra-page"]) as tab:
            elements.append(gr.HTML(page.create_html(tabname, empty=True), elem_id=f"{full}_cards_html"))
        tab.select(
            fn=None,
            inputs=[],
            outputs=[],
            **{js_keyword: f"function(){{ standInShowControls('{tabname}', '{full}'); }}"},
        )
        refreshes.append(gr.Button("Refresh", elem_id=f"{full}_extra_refresh_internal", visible=False))
    for button in refreshes:
        button.click(fn=refresh, inputs=[], outputs=elements)
    interface.load(fn=lambda: [one.create_html(tabname) for one in extra_pages], inputs=[], outputs=elements)
