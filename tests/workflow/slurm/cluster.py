"""A real SLURM cluster on one machine: Debian's slurm-wlm, four virtual nodes, no accounting database."""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import psutil

# The jobs' own `srun` looks here: the executor takes all SLURM_* variables away, SLURM_CONF too.
ETC = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf", "cgroup.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "setpriv")
NODES = ("cpu1", "cpu2", "gpu1", "gpu2")
ACCOUNT = "my_account"

NAME = "pdetransfer-tests"

SLURM_CONF = """\
ClusterName={cluster}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={path}/munge.socket
CredType=cred/munge
StateSaveLocation={path}/state
SlurmdSpoolDir={path}/spool-%n
SlurmctldPidFile={path}/slurmctld.pid
SlurmdPidFile={path}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# The nodes may have more cores and memory than the machine.
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=100000,bf_interval=5,defer_batch
ReturnToService=1
KillWait=2
# Finished jobs are remembered for the tests.
MinJobAge=3600
GresTypes=gpu
AccountingStorageType=accounting_storage/none
NodeName=DEFAULT CPUs=16 RealMemory=200000
NodeName=cpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]}
NodeName=cpu2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]}
NodeName=gpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[3]} Gres=gpu:2 Feature=a100
NodeName=gpu2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[4]} Gres=gpu:2 Feature=a100
PartitionName=cpu Nodes=cpu[1-2] Default=YES
PartitionName=gpu Nodes=gpu[1-2]
"""

# Found before SLURM's own. sacctmgr stands for the accounting database, which the executor asks for accounts;
# without a database jobs have no QOS, so it is to be seen in the submit lines only.
STAND_INS = {
    "sacctmgr": f"echo {ACCOUNT}",
    "sbatch": 'line=$(echo "$@" | tr "\\n" " "); echo "$line" >> {path}/submitted; exec {sbatch} "$@"',
}


def missing() -> str | None:
    """Why no cluster can be started here, if so."""
    if os.geteuid() != 0:
        return "slurmd needs root"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"not installed (apt-get install slurm-wlm munge): {', '.join(absent)}"
    taken = [str(ETC / name) for name in FILES if (ETC / name).exists()]
    if taken and not _is_left_over(ETC / FILES[0]):
        return f"this machine has a SLURM already: {', '.join(taken)}"
    return None


def _is_left_over(config: Path) -> bool:
    """Whether tests that were killed have left this link, and their cluster has ended."""
    pid = config.resolve().parent / "slurmctld.pid"
    is_from_tests = config.is_symlink() and NAME in config.read_text()
    return is_from_tests and not (pid.exists() and psutil.pid_exists(int(pid.read_text())))


# Arguments for the profile as it is, but with quick looks at the queue.
QUICK_PROFILE = (
    *("--profile", "slurm", "--config=scale=smoke"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
    *("--max-jobs-per-timespan", "100/1s"),
)


def rule_of(text: str) -> str:
    """The rule in the comment that the executor gives a job."""
    return re.search(r"\brule_(\w+?)(_wildcards_|\s|$)", text)[1]


class Cluster:
    """Partitions ``cpu`` and ``gpu`` with two nodes each, two GPUs (fake device files) on a GPU node."""

    def __init__(self, path: Path):
        self.path = path
        self.env = os.environ | {
            "SLURM_CONF": str(path / "slurm.conf"),
            "PATH": f"{path / 'bin'}:{os.environ['PATH']}",
        }
        self._daemons: dict[str, subprocess.Popen] = {}
        self._cleanup = ExitStack()

    def __enter__(self):
        with self._cleanup as cleanup:
            self._start()
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, *exception):
        self._cleanup.close()

    def run(self, *command: str) -> str:
        """The output of a command that talks to the cluster."""
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout

    def jobs(self, folder: Path) -> list[dict[str, str]]:
        """SLURM's records of all jobs submitted in a folder, the oldest first, with the ``rule`` of each."""
        lines = self.run("scontrol", "--oneliner", "--all", "show", "job").splitlines()
        records = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines if f"WorkDir={folder} " in line]
        for record in records:
            record["rule"] = rule_of(record["Comment"])
        return sorted(records, key=lambda record: int(record["JobId"]))

    def submit_lines(self, folder: Path) -> list[str]:
        """The arguments of each `sbatch`."""
        lines = (self.path / "submitted").read_text().splitlines()
        return [line for line in lines if f" -D {folder} " in line]

    def wait_for(self, what: str, condition, seconds: float = 30):
        """The first value of ``condition()`` that is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := condition():
                return value
            time.sleep(0.2)
        raise TimeoutError(f"{what}; see the logs in {self.path}")

    def processes(self, job: str) -> list[psutil.Process]:
        """Those that belong to a job: SLURM's own step managers and what they have started."""
        found = []
        for process in psutil.process_iter():
            try:
                if f"slurmstepd: [{job}." in " ".join(process.cmdline()):
                    found += [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return found

    def running(self, folder: Path) -> list[dict[str, str]]:
        """The jobs submitted in a folder that have processes."""
        jobs = [job for job in self.jobs(folder) if job["JobState"] == "RUNNING"]
        return [job for job in jobs if self.processes(job["JobId"])]

    def kill_node(self, name: str) -> None:
        """A node dies with the jobs on it, and SLURM comes to know. It starts them on another, by default after
        two minutes, here at once."""
        lost = self.run(
            "squeue", "--noheader", f"--nodelist={name}", "--states=RUNNING", "--format=%A"
        ).split()
        self._daemons.pop(name).kill()
        for job in lost:
            for process in self.processes(job):
                process.send_signal(signal.SIGKILL)
        self.run("scontrol", "update", f"nodename={name}", "state=down", "reason=test")
        for job in lost:  # one that had just ended is not started again
            self._answers("scontrol", "update", f"jobid={job}", "starttime=now")

    def kill_nodes(self, folder: Path, run: Future, num_kills: int, chance: random.Random) -> Counter:
        """Kill a node with running jobs of a folder at random moments while Snakemake runs, and start it again;
        the jobs killed, by rule."""
        killed: Counter[str] = Counter()
        for _ in range(num_kills):
            time.sleep(chance.uniform(0, 30))
            while not (jobs := self.running(folder)) and not run.done():
                time.sleep(0.1)
            if run.done():
                break
            node = chance.choice(jobs)["NodeList"]
            killed.update(job["rule"] for job in jobs if job["NodeList"] == node)
            self.kill_node(node)
            self.start_node(node)
        return killed

    def start_node(self, name: str) -> None:
        self._daemon(name, "slurmd", "-D", "-N", name)
        self.run("scontrol", "update", f"nodename={name}", "state=resume")
        self._wait_for_nodes()

    def _start(self):
        self._configure()
        key, munge_socket = self.path / "munge.key", f"--socket={self.path}/munge.socket"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = [f"--{name}-file={self.path}/munge.{name}" for name in ("pid", "log", "seed")]
        self._daemon("munged", "munged", "--foreground", "--force", munge_socket, f"--key-file={key}", *files)
        self.wait_for("munged does not answer", lambda: self._answers("munge", "--no-input", munge_socket))
        self._daemon("slurmctld", "slurmctld", "-D")
        self.wait_for("slurmctld does not answer", lambda: self._answers("scontrol", "ping"))
        for name in NODES:
            self._daemon(name, "slurmd", "-D", "-N", name)
        self._cleanup.callback(self._cancel_jobs)
        self._wait_for_nodes()

    def _cancel_jobs(self):
        self.run("scancel", "--user=root")
        self.wait_for("jobs do not end", lambda: not self.run("squeue", "--noheader"))

    def _configure(self):
        with ExitStack() as held:
            sockets = [held.enter_context(socket.socket()) for _ in range(1 + len(NODES))]
            for one in sockets:
                one.bind(("127.0.0.1", 0))
            ports = [one.getsockname()[1] for one in sockets]
        host = socket.gethostname().split(".")[0]
        config = SLURM_CONF.format(cluster=NAME, path=self.path, host=host, ports=ports)
        gpus = self.path / "nvidia"
        for name in (f"{gpus}0", f"{gpus}1"):
            os.mknod(name, 0o666 | 0o020000, os.makedev(1, 3))
        texts = (config, f"NodeName=gpu[1-2] Name=gpu File={gpus}[0-1]\n", "CgroupPlugin=cgroup/v1\n")
        ETC.mkdir(exist_ok=True)
        for name, text in zip(FILES, texts, strict=True):
            (self.path / name).write_text(text)
            (ETC / name).unlink(missing_ok=True)  # left over
            (ETC / name).symlink_to(self.path / name)
            self._cleanup.callback((ETC / name).unlink)
        for name in ("state", "bin", *(f"spool-{node}" for node in NODES)):
            (self.path / name).mkdir()
        for name, command in STAND_INS.items():
            script = self.path / "bin" / name
            script.write_text(
                "#!/bin/sh\n" + command.format(path=self.path, sbatch=shutil.which("sbatch")) + "\n"
            )
            script.chmod(0o755)

    def _daemon(self, name: str, *command: str):
        """Start a daemon that ends with the tests, even if those are killed."""
        with open(self.path / f"{name}.log", "a") as log:
            self._daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._cleanup.callback(self._stop, self._daemons[name])

    def _stop(self, daemon: subprocess.Popen):
        daemon.terminate()
        try:
            daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def _answers(self, *command: str) -> bool:
        try:
            return subprocess.run(command, env=self.env, capture_output=True, timeout=5).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _wait_for_nodes(self):
        states = ("sinfo", "--noheader", "--Node", "--format=%t")
        self.wait_for(
            "not all nodes are up", lambda: set(self.run(*states).split()) <= {"idle", "mix", "alloc", "comp"}
        )
