import networks
from modules import script_callbacks, shared, ui_extra_networks


class ExtraNetworksPageLora(ui_extra_networks.ExtraNetworksPage):
    def __init__(self):
        super().__init__("Lora")

    def folder(self):
        return shared.cmd_opts.lora_dir

    def refresh(self):
        networks.list_available_networks()

    def list_items(self):
        for index, found in enumerate(list(networks.available_networks.values())):
            yield self.item_of(found.filename, index)


networks.list_available_networks()
script_callbacks.on_before_ui(lambda: ui_extra_networks.register_page(ExtraNetworksPageLora()))
