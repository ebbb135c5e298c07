"""The configuration of a run, from all layers, checked against the models of those who asked for it.

Top-level settings belong to what is run (its `run_settings`), except `listeners`; every other name at the top is the
section of the installed plugin of that name. Naming a plugin loads it; a plugin that no section names is not imported.

    [tool.rivusio]
    every = "10s"                         # of the flow
    listeners = ["acme.counter"]          # registered listeners, by name

    [tool.rivusio.monitoring]             # of the plugin `monitoring`
    port = 9464
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, field_validator

from rivusio_core.errors import ConfigError, Fault, PluginError
from rivusio_core.layers import ENV_PREFIX, Layers, Leaf, Table
from rivusio_core.listener import Listener, RunInfo
from rivusio_core.nearest import did_you_mean, nearest
from rivusio_core.plugins import Plugins, installed
from rivusio_core.settings import field_names, known_paths, validated

__all__ = ["NoSettings", "RunConfiguration", "load_configuration"]


class NoSettings(BaseModel):
    """The model of what takes no settings."""


class _CoreSettings(BaseModel):
    """Top-level settings that belong to no run in particular."""

    listeners: tuple[str, ...] = ()

    @field_validator("listeners", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str) and not value.strip().startswith("["):
            return [each.strip() for each in value.split(",") if each.strip()]
        return value


@dataclass(frozen=True)
class RunConfiguration:
    """A valid configuration.

    Attributes:
        run: the settings of what is run, as written; `Launch.settings`.
        sections: the settings of each plugin that has a section; None for one without a model.
        listener_names: registered listeners that are asked for.
        plugins: where all of them are.
    """

    run: Mapping[str, object]
    sections: Mapping[str, BaseModel | None]
    listener_names: tuple[str, ...]
    plugins: Plugins = field(repr=False)

    def listeners(self, run: RunInfo) -> tuple[Listener, ...]:
        """The listeners of one run: those asked for by name, then those of each plugin that has a section.

        Raises:
            PluginError: a plugin does not know the listener, or fails to make it.
        """
        found = [self.plugins.registry.listener(name) for name in self.listener_names]
        for name, settings in self.sections.items():
            found += self.plugins.get(name).listeners(run, settings)
        return tuple(found)


def load_configuration(
    model: type[BaseModel] = NoSettings,
    *,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Iterable[str] = (),
    plugins: Plugins | None = None,
) -> RunConfiguration:
    """Read all layers and check them.

    Args:
        model: of the top-level settings of what is run.
        folder: where `pyproject.toml` and `rivusio.toml` are looked for; None: no files.
        environ: variables, of which those that begin with `RIVUSIO__` are read; None: none.
        overrides: `KEY=VALUE` texts of the command line.
        plugins: where sections find their plugins; the installed ones by default.

    Raises:
        ConfigError: with every fault of every layer: where it is, its path, what is wrong, what was probably meant.

    Example:
        >>> class Settings(BaseModel):
        ...     every: str = "10s"
        >>> load_configuration(Settings, overrides=["every=1m"], plugins=Plugins([])).run
        {'every': '1m'}
    """
    known = installed() if plugins is None else plugins
    layers = Layers()
    if folder is not None:
        layers.add_files(folder)
    layers.add_environment(environ or {})
    layers.add_overrides(overrides)
    return _Check(model, known, layers).configuration()


class _Check:
    """One pass over merged layers that collects faults."""

    def __init__(self, model: type[BaseModel], plugins: Plugins, layers: Layers) -> None:
        self.model = model
        self.plugins = plugins
        self.table = layers.table
        self.core_names = field_names(_CoreSettings)
        self.run_names = field_names(model) - self.core_names
        self.faults = [*(self._misspelt(name) for name in layers.misspelt), *layers.faults]

    def configuration(self) -> RunConfiguration:
        run, core = Table(), Table()
        sections: dict[str, BaseModel | None] = {}
        open_ended = self.model.model_config.get("extra") == "allow"
        for name, child in self.table.children.items():
            if name in self.core_names:
                core.children[name] = child
            elif name in self.run_names:
                run.children[name] = child
            elif name in self.plugins.names():
                self._section(name, child, sections)
            elif open_ended:
                run.children[name] = child
            else:
                names = self.run_names | self.core_names | set(self.plugins.names())
                what = f"no such setting or plugin{did_you_mean(name, names)}"
                self.faults.append(Fault(what, name, child.where))
        listeners, values = _CoreSettings(), dict[str, object]()
        try:
            listeners, _ = validated(_CoreSettings, core)
        except ConfigError as error:
            self.faults += error.faults
        try:
            _, values = validated(self.model, run)
        except ConfigError as error:
            self.faults += error.faults
        if self.faults:
            raise ConfigError("the configuration is wrong:", faults=self.faults)
        return RunConfiguration(values, sections, listeners.listeners, self.plugins)

    def _section(self, name: str, child: Table | Leaf, sections: dict[str, BaseModel | None]) -> None:
        if isinstance(child, Leaf):
            self.faults.append(Fault(f"is the section of the plugin {name!r}; set {name}.<name>", name, child.where))
            return
        try:
            model = self.plugins.get(name).settings_model()
        except PluginError as error:
            self.faults.append(Fault(str(error), name, child.where))
            return
        try:
            section, _ = validated(model or NoSettings, child, (name,))
        except ConfigError as error:
            self.faults += error.faults
        else:
            sections[name] = section if model is not None else None

    def _misspelt(self, variable: str) -> Fault:
        meant = re.sub("_+", "_", variable.upper()).removeprefix("RIVUSIO_").strip("_").lower()
        paths = {"_".join(path): path for path in (*known_paths(_CoreSettings), *known_paths(self.model))}
        for plugin in self.plugins.names():
            if meant.startswith(f"{plugin}_"):
                paths[meant] = (plugin, meant.removeprefix(f"{plugin}_"))
        near = nearest(meant, paths, 1)
        hint = f"; did you mean {ENV_PREFIX}{'__'.join(paths[near[0]]).upper()}?" if near else ""
        rule = f"is no setting: write {ENV_PREFIX}SECTION__NAME in capitals, with two underscores"
        return Fault(rule + hint, where=variable)
