"""The command line: which commands there are, and how errors end."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.metadata import version

import click

from classifiers.errors import ClassifierError
from collectors.errors import CollectorError
from monitor.commands.call import Call
from monitor.errors import MonitorError

COMMANDS = {
    "run": "monitor.commands.daemon",
    "serve": "monitor.commands.daemon",
    "collect": "monitor.commands.posts",
    "import": "monitor.commands.posts",
    "classify": "monitor.commands.scoring",
    "aggregate": "monitor.commands.scoring",
    "work": "monitor.commands.scoring",
    "purge": "monitor.commands.removal",
    "forget": "monitor.commands.removal",
    "score": "monitor.commands.score",
    "export": "monitor.commands.export",
    "report": "monitor.commands.report",
    "export-noisy": "monitor.commands.noisy",
    "label": "monitor.commands.labels",
    "retrain": "monitor.commands.models",
    "models": "monitor.commands.models",
    "users": "monitor.commands.users",
    "tokens": "monitor.commands.users",
    "backup": "monitor.commands.backup",
    "restore": "monitor.commands.backup",
    "topics": "monitor.commands.topics",
    "doctor": "monitor.commands.health",
    "status": "monitor.commands.health",
}
"""Each command and the module that holds it, loaded when it is called."""


class Commands(click.Group):
    """Loads a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Every command, in the order of a post's way through the program."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        cmd_name: str,
    ) -> click.Command | None:
        """The command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name])
        command: click.Command = module.COMMANDS[cmd_name]
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("employee-sentiment-monitor"), prog_name="monitor")
@click.option("--topic", "topic_name", metavar="NAME", help="The topic (default: configured).")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Tracebacks and debug lines.")
@click.pass_obj
def cli(call: Call, topic_name: str | None, as_json: bool, verbose: bool) -> None:
    """Daily stance and sentiment of the public conversation about an event at a company."""
    call.topic_name, call.as_json, call.verbose = topic_name, as_json, verbose


def main() -> None:
    """Runs a command; exit 2 for usage and configuration, 1 for other errors."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs a command and returns its exit code."""
    call = Call()
    try:
        code = cli.main(arguments, prog_name="monitor", obj=call, standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (MonitorError, CollectorError, ClassifierError) as error:
        call.explain(error)
        return getattr(error, "exit_code", 1)
    return code if isinstance(code, int) else 0
