import os

from modules import paths_internal, shared

extensions = []
extension_paths = {}


class Extension:
    """One folder below ``extensions``."""

    def __init__(self, name, path, is_builtin=False):
        self.name, self.path, self.is_builtin, self.enabled = name, path, is_builtin, True
        self.canonical_name = name.lower()
        self.version, self.branch, self.commit_hash = "", None, ""

    def list_files(self, subdir, extension):
        from modules import scripts

        folder = os.path.join(self.path, subdir)
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        files = [scripts.ScriptFile(self.path, name, os.path.join(folder, name)) for name in names]
        return [f for f in files if f.path.lower().endswith(extension) and os.path.isfile(f.path)]


def active():
    disabled = getattr(shared.opts, "disabled_extensions", [])
    return [one for one in extensions if one.enabled and one.name not in disabled]


def list_extensions():
    extensions.clear()
    for folder, builtin in ((paths_internal.extensions_builtin_dir, True), (paths_internal.extensions_dir, False)):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            if os.path.isdir(path):
                extensions.append(Extension(name, path, builtin))
                extension_paths[path] = extensions[-1]
