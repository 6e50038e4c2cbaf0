"""Settings, as a person reads them."""

from playwright.sync_api import expect
from quartermaster._version import VERSION
from quartermaster.hub.storage.backups import Backups
from quartermaster.tests.browser.hub_page.conftest import PHONE, Looking
from quartermaster.tests.hub.samples import Api


def test_every_setting_stands_there_with_its_meaning(hub: Api, look: Looking) -> None:
    seen = look(PHONE)
    page = seen.at("/settings").page
    expect(page.get_by_text("QUARTERMASTER_STALE_AFTER_SECONDS")).to_be_visible()
    expect(page.get_by_role("row", name="QUARTERMASTER_OFFLINE_AFTER_SECONDS")).to_contain_text("600")
    expect(page.get_by_text(f"Quartermaster {VERSION}").first).to_be_visible()
    expect(page.get_by_text("SQLite" if hub.hub.database.is_sqlite else "PostgreSQL").first).to_be_visible()
    seen.fits()


def test_a_backup_is_made_on_demand(hub: Api, look: Looking) -> None:
    page = look().at("/settings").page
    expect(page.get_by_text("There is none yet")).to_be_visible()
    page.get_by_role("button", name="Make one now").click()
    backups = Backups(hub.hub.settings)
    expect(page.locator("#backups table")).to_contain_text(hub.hub.migration)
    (made,) = backups.listed()
    assert made.revision == hub.hub.migration and made.size_bytes > 1000
    assert hub.hub.backups.state().error is None
