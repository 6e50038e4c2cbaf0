"""Settings, as extensions add and read them."""

import json
import os
from typing import Any


class OptionInfo:
    """One setting, with the component that shows it."""

    def __init__(self, default=None, label="", component=None, component_args=None, onchange=None, section=None,
                 refresh=None, comment_before="", comment_after="", infotext=None, restrict_api=False,
                 category_id=None):  # fmt: skip
        self.default, self.label, self.component = default, label, component
        self.component_args, self.onchange, self.section = component_args, onchange, section
        self.refresh, self.comment_before, self.comment_after = refresh, comment_before, comment_after
        self.infotext, self.restrict_api, self.category_id, self.do_not_save = (
            infotext,
            restrict_api,
            category_id,
            False,
        )

    def link(self, label, url):
        self.comment_before += f"[<a href='{url}' target='_blank'>{label}</a>]"
        return self

    def js(self, label, js_func):
        self.comment_before += f"[<a onclick='{js_func}(); return false'>{label}</a>]"
        return self

    def info(self, text):
        self.comment_after += f"<span class='info'>({text})</span>"
        return self

    def html(self, text):
        self.comment_after += text
        return self

    def needs_restart(self):
        return self.info("requires restart")

    def needs_reload_ui(self):
        return self.info("requires Reload UI")


def options_section(section_identifier, options_dict):
    for option in options_dict.values():
        option.section = tuple(section_identifier)
    return options_dict


class Options:
    """Attribute access to what was set, else to the default."""

    def __init__(self) -> None:
        self.__dict__["data"] = {}
        self.__dict__["data_labels"] = {}

    def __setattr__(self, key: str, value: Any) -> None:
        self.data[key] = value

    def __getattr__(self, key: str) -> Any:
        if key in self.data:
            return self.data[key]
        if key in self.data_labels:
            return self.data_labels[key].default
        raise AttributeError(key)

    def add_option(self, key: str, info: OptionInfo) -> None:
        self.data_labels[key] = info
        if key not in self.data and not info.do_not_save:
            self.data[key] = info.default

    def set(self, key: str, value: Any, is_api: bool = False, run_callbacks: bool = True) -> bool:
        if getattr(self, key, None) == value:
            return False
        self.data[key] = value
        info = self.data_labels.get(key)
        if run_callbacks and info and info.onchange:
            info.onchange()
        return True

    def get_default(self, key: str) -> Any:
        return self.data_labels[key].default

    def onchange(self, key: str, func: Any, call: bool = True) -> None:
        self.data_labels[key].onchange = func
        if call:
            func()

    def save(self, filename: str) -> None:
        with open(filename, "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=4)

    def load(self, filename: str) -> None:
        if os.path.isfile(filename):
            with open(filename, encoding="utf-8") as file:
                self.__dict__["data"] = json.load(file)  # as the hosts do: what was never saved is there no more
