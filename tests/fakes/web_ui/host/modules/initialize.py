from modules import extensions, scripts, sd_models, shared, ui_extra_networks


def initialize():
    initialize_rest()


def initialize_rest():
    """What happens at start and again at each "Reload UI"."""
    extensions.list_extensions()
    ui_extra_networks.initialize()
    sd_models.list_models()
    if not shared.opts.sd_model_checkpoint and sd_models.checkpoints_list:
        shared.opts.set("sd_model_checkpoint", next(iter(sd_models.checkpoints_list)))
    scripts.load_scripts()
