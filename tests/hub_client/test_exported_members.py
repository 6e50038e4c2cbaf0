import ast
from pathlib import Path

from quartermaster import hub_client


def test_every_name_that_the_room_imports_is_exported_and_no_other() -> None:
    tree = ast.parse(Path(hub_client.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == set(hub_client.__all__)
    assert len(imported) == len(hub_client.__all__)


def test_every_error_of_the_tree_is_exported_and_described() -> None:
    errors = [
        value for value in vars(hub_client.errors).values() if isinstance(value, type) and issubclass(value, Exception)
    ]
    tree = hub_client.errors.__doc__ or ""
    assert errors
    for error in errors:
        assert error.__name__ in hub_client.__all__
        assert f" {error.__name__} " in tree.replace("\n", " \n")
        assert issubclass(error, hub_client.HubError)
