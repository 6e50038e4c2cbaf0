"""Settings that an infotext names."""

from modules import shared


def create_override_settings_dict(text_pairs):
    given = dict(pair.split(":", 1) for pair in text_pairs or [])
    named = {info.infotext: key for key, info in shared.opts.data_labels.items() if info.infotext}
    return {named[label]: value.strip() for label, value in given.items() if label in named}
