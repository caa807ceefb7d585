"""A progress bar for a person who watches: ``snakemake --logger progress``. The plain log is in .snakemake/log."""

from collections import defaultdict
from math import ceil
from statistics import fmean

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

SAID = {None, LogEvent.ERROR, LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR}
COLOURS = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


class LogHandler(LogHandlerBase):
    """A line with the jobs done and running and the time left; above it errors, and what no single job says. A dry
    run has no bar, and says everything."""

    writes_to_stream = True
    writes_to_file = has_filter = has_formatter = needs_rulegraph = False

    def __post_init__(self):
        # Not above: the Snakemake of every job imports this module, and makes no handler.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.completed} of {task.total} jobs done, {task.fields[running]} running"),
            BarColumn(bar_width=None),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=Console(stderr=True, no_color=self.common_settings.nocolor),
            expand=True,
            refresh_per_second=2,
        )
        self.task = self.progress.add_task("", running=0, left="")
        self.running = {}  # rule and start by job
        self.took = defaultdict(list)  # seconds of finished jobs by rule

    def emit(self, record):
        try:
            event = getattr(record, "event", None)
            if event in SAID or self.common_settings.dryrun:
                self.say(record)
            if not self.common_settings.dryrun:
                self.count(event, record)
        except Exception:  # would end the thread of all loggers
            self.handleError(record)

    def say(self, record):
        from rich.text import Text

        text = self.format(record)
        if text not in ("", "None", "Select jobs to execute..."):
            self.progress.console.print(Text(text, COLOURS.get(record.levelname, "")), soft_wrap=True)

    def count(self, event, record):
        if event == LogEvent.RUN_INFO:
            self.began = record.created
            self.planned = {rule: count for rule, count in record.stats.items() if rule != "total"}
            self.progress.update(self.task, total=record.stats["total"])
            self.progress.start()
        elif event == LogEvent.JOB_INFO:
            self.running[record.jobid] = record.rule_name, record.created
        elif event == LogEvent.JOB_ERROR:
            self.running.pop(record.jobid, None)
        elif event == LogEvent.JOB_FINISHED:
            rule, start = self.running.pop(record.job_id)
            self.took[rule].append(record.created - start)
            minutes = ceil(self.time_left(record.created) / 60)
            self.progress.update(self.task, advance=1, left=f"about {minutes} min left" if minutes else "")
        self.progress.update(self.task, running=len(self.running))

    def time_left(self, now):
        """Seconds, if each job to come takes as long as those of its rule did, or else as all did, and as many run
        at once as until now."""
        finished = [seconds for of_rule in self.took.values() for seconds in of_rule]
        to_come = sum(
            (count - len(self.took[rule])) * fmean(self.took[rule] or finished)
            for rule, count in self.planned.items()
        )
        return (now - self.began) * to_come / sum(finished)

    def close(self):
        if self.progress.live.is_started:
            self.progress.stop()
        super().close()
