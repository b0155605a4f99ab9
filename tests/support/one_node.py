"""A Slurm cluster of one node, this machine, with its own munge; all its files are in one folder."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
# A task that is queued again waits until its old credential has expired: 2 min, unless cred_expire says less.
CONFIGURATION = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
SlurmctldPort={port}
SlurmdPort={next_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=10
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def lacks() -> str:
    """Return why no cluster can be started here, "" if one can."""
    if os.geteuid() != 0:
        return "only root can start slurmd"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"{', '.join(missing)} not installed (Debian: apt install slurm-wlm munge)" if missing else ""


def start(folder: Path) -> dict[str, str]:
    """Start the cluster; returns the environment of its clients."""
    host, munge = socket.gethostname().partition(".")[0], folder / "munge"
    for each in ("state", "spool", "munge"):
        (folder / each).mkdir(mode=0o700, parents=True)
    (munge / "key").write_bytes(secrets.token_bytes(1024))
    (munge / "key").chmod(0o400)
    files = [f"--{name}-file={munge / name}" for name in ("key", "pid", "log", "seed")]
    subprocess.run(["munged", "--force", f"--socket={munge / 'socket'}", *files], check=True)
    port = 20000 + os.getpid() % 20000
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20  # MiB
    text = CONFIGURATION.format(
        host=host, folder=folder, port=port, next_port=port + 1, cores=os.cpu_count(), memory=memory
    )
    (folder / "slurm.conf").write_text(text)
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    for daemon in ("slurmctld", "slurmd"):
        subprocess.run([daemon], check=True, env=environment)
    until = time.monotonic() + 60
    while "idle" not in subprocess.run(["sinfo", "-h"], env=environment, capture_output=True, text=True).stdout:
        assert time.monotonic() < until, (folder / "slurmctld.log").read_text()[-2000:]
        time.sleep(0.5)
    return environment


def stop(folder: Path) -> None:
    """End its daemons."""
    for file in ("slurmd.pid", "slurmctld.pid", "munge/pid"):
        if (folder / file).exists():
            os.kill(int((folder / file).read_text()), signal.SIGTERM)
