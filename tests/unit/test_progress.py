"""The bar counts jobs, and knows how long those to come may take."""

import logging
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_progress import LogHandler


@pytest.fixture
def handler():
    handler = LogHandler(SimpleNamespace(nocolor=True, dryrun=False), None)
    yield handler
    handler.close()


def tell(handler, second, event, **values):
    handler.emit(logging.makeLogRecord({"event": event, "created": 1000.0 + second, **values}))


def test_jobs_are_counted_and_those_to_come_take_as_long_as_their_rule_did(handler):
    (bar,) = handler.progress.tasks
    tell(handler, 0, LogEvent.RUN_INFO, stats={"train": 3, "draw": 5, "total": 8})
    tell(handler, 0, LogEvent.JOB_INFO, jobid=1, rule_name="train")
    tell(handler, 0, LogEvent.JOB_INFO, jobid=2, rule_name="draw")
    assert (bar.completed, bar.total, bar.fields["running"]) == (0, 8, 2)
    tell(handler, 20, LogEvent.JOB_FINISHED, job_id=2)
    assert (bar.completed, bar.fields["running"]) == (1, 1)
    assert handler.time_left(1020.0) == pytest.approx(7 * 20)  # of the one rule that is known
    tell(handler, 100, LogEvent.JOB_FINISHED, job_id=1)
    # 120 s of jobs have taken 100 s.
    assert handler.time_left(1100.0) == pytest.approx((2 * 100 + 4 * 20) * 100 / 120)
    assert "4 min" in bar.fields["left"]
    tell(handler, 100, LogEvent.JOB_INFO, jobid=3, rule_name="train")
    tell(handler, 110, LogEvent.JOB_ERROR, jobid=3, msg="failed")
    assert (bar.completed, bar.fields["running"]) == (2, 0)


def test_a_record_that_is_not_understood_does_not_end_the_log(handler, capsys):
    tell(handler, 0, LogEvent.JOB_FINISHED, job_id=7)
    tell(handler, 0, None, msg="goes on")
    assert "goes on" in capsys.readouterr().err
