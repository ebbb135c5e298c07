"""`rivusio plugins list|info|check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from rivusio_core.cli.console import Console, table
from rivusio_core.cli.exit_code import ExitCode
from rivusio_core.cli.options import Command, Options, Parser
from rivusio_core.errors import DefinitionError
from rivusio_core.plugins import PluginInfo, Plugins, installed

__all__ = ["COMMAND"]

_ACTIONS = ("list", "info", "check")


def _add(parser: Parser) -> None:
    parser.add_argument(
        "action",
        choices=_ACTIONS,
        metavar="list|info|check",
        help="list: what is installed, importing nothing; info: what one plugin brings; check: load them all",
    )
    parser.add_argument("plugin", metavar="NAME", nargs="?", default="", help="the plugin, for info")


def _execute(options: Options) -> int:
    plugins = installed()
    match options.action:
        case "list":
            return _list(plugins, options)
        case "info":
            return _info(plugins, options)
        case _:
            return _check(plugins, options)


def _list(plugins: Plugins, options: Options) -> int:
    infos = plugins.infos()
    if options.json:
        Console().json([_shown(info) for info in infos])
    elif infos:
        rows = [(info.name, info.distribution, info.target, "broken" if info.error else "") for info in infos]
        Console().data(table(rows))
    _tell(infos)
    return ExitCode.FINE


def _info(plugins: Plugins, options: Options) -> int:
    if not options.plugin:
        raise DefinitionError(f"which plugin? Installed are {', '.join(plugins.names()) or 'none'}")
    plugin = plugins.get(options.plugin)
    entries = plugins.registry.entries(plugin=plugin.name)
    model = plugin.settings_model()
    # pydantic's schema, for the names and types of settings; it holds defaults, and SecretStr defaults are masked.
    schema = model.model_json_schema() if model is not None else {}
    settings = cast("Mapping[str, Mapping[str, object]]", schema.get("properties", {}))
    if options.json:
        Console().json(
            {
                "name": plugin.name,
                "distribution": plugin.distribution,
                "registers": [{"kind": entry.kind, "name": entry.name} for entry in entries],
                "settings": schema,
            }
        )
        return ExitCode.FINE
    lines = [f"{plugin.name}  {plugin.distribution}", *(f"  {entry.kind} {entry.name}" for entry in entries)]
    lines += [f"  setting {plugin.name}.{name}{_about(about)}" for name, about in settings.items()]
    Console().data("\n".join(lines))
    return ExitCode.FINE


def _about(setting: Mapping[str, object]) -> str:
    kind, text = setting.get("type"), setting.get("description")
    return (f" ({kind})" if isinstance(kind, str) else "") + (f": {text}" if isinstance(text, str) else "")


def _check(plugins: Plugins, options: Options) -> int:
    infos = plugins.check()
    if options.json:
        Console().json([_shown(info) for info in infos])
    elif infos:
        Console().data(table((info.name, info.distribution, info.state) for info in infos))
    _tell(infos)
    return ExitCode.WRONG if any(info.error for info in infos) else ExitCode.FINE


def _tell(infos: tuple[PluginInfo, ...]) -> None:
    for message in dict.fromkeys(str(info.error) for info in infos if info.error is not None):
        Console().note(f"broken: {message}")


def _shown(info: PluginInfo) -> Mapping[str, object]:
    error = None if info.error is None else {"type": type(info.error).__name__, "message": str(info.error)}
    return {
        "name": info.name,
        "distribution": info.distribution,
        "target": info.target,
        "state": info.state,
        "error": error,
    }


COMMAND = Command(
    "plugins",
    "show installed plugins",
    "rivusio plugins info monitoring",
    _add,
    _execute,
)
