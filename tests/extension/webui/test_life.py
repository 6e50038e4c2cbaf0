import threading

import pytest
from quartermaster.extension.webui import life as life_module
from quartermaster.extension.webui.host import Host
from quartermaster.extension.webui.life import Life, the_life
from quartermaster.tests.contract.conftest import eventually
from quartermaster.tests.extension.webui.conftest import WebUI
from quartermaster.tests.fakes.model_files import write_model


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("qm-")}


def test_it_starts_an_agent_and_stops_it_without_a_rest(life: Life, web_ui: WebUI) -> None:
    write_model(web_ui.folder / "models" / "Lora" / "x.safetensors")
    life.start()
    agent = eventually(lambda: life.agent, "the agent")
    eventually(lambda: agent.quiet().done, "the inventory")
    assert life.condition.state == "running"
    life.stop()
    assert life.condition.state == "stopped"
    assert life.agent is None
    assert not threads()


def test_started_twice_there_is_one_agent(life: Life) -> None:
    life.start()
    first = eventually(lambda: life.agent, "the agent")
    life.start()
    assert life.agent is first
    assert len([name for name in threads() if name == "qm-keeper"]) == 1


def test_after_a_reload_there_is_one_agent_again(life: Life) -> None:
    life.start()
    first = eventually(lambda: life.agent, "the agent")
    life.stop()
    life.start()
    second = eventually(lambda: life.agent, "the second agent")
    assert second is not first
    assert sum(thread.name == "qm-disk" for thread in threading.enumerate()) == 1


def test_hashing_pauses_while_images_are_made_unless_it_is_told_not_to(life: Life, web_ui: WebUI) -> None:
    web_ui.state.job = "txt2img"
    life.start()
    agent = eventually(lambda: life.agent, "the agent")
    eventually(lambda: agent.control.paused, "the pause")
    assert life.paused_for == "generating"
    web_ui.options["quartermaster_pause_while_generating"] = False
    eventually(lambda: not agent.control.paused, "the end of the pause")
    life.pause(True)
    eventually(lambda: agent.control.paused, "the pause by hand")
    assert life.paused_for == "by hand"


def test_the_rate_follows_the_setting(life: Life, web_ui: WebUI) -> None:
    life.start()
    agent = eventually(lambda: life.agent, "the agent")
    web_ui.options["quartermaster_hash_mib_per_second"] = 3
    eventually(lambda: agent.control.throttled, "the limit")
    web_ui.options["quartermaster_hash_mib_per_second"] = "no number"
    eventually(lambda: not agent.control.throttled, "no limit")


def test_a_second_web_ui_process_of_one_name_waits_and_takes_over(
    life: Life, web_ui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life_module, "RETRY_SECONDS", 0.1)
    life.start()
    eventually(lambda: life.agent, "the agent")
    other = Life(Host(), life.home)
    other.start()
    try:
        eventually(lambda: other.condition.state == "failed", "the refusal")
        assert "takes over" in (other.condition.message or "")
        life.stop()
        eventually(lambda: other.agent, "the other's agent")
    finally:
        other.stop()


def test_an_unusable_data_folder_is_said_and_tried_again(
    web_ui: WebUI, tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life_module, "RETRY_SECONDS", 0.1)
    home = web_ui.folder / "home"
    home.write_text("a file stands here")
    life = Life(Host(), home)
    life.start()
    try:
        eventually(lambda: life.condition.state == "failed", "the refusal")
        assert str(home) in (life.condition.message or "")
        home.unlink()
        eventually(lambda: life.agent, "the agent")
    finally:
        life.stop()


def test_a_process_has_one_life(web_ui: WebUI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life_module, "_life", None)
    made = [the_life(lambda: Life(Host(), web_ui.folder)) for _ in range(2)]
    assert made[0] is made[1]
