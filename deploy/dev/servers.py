"""A real single-node Kafka and a real Redis on loopback, for tests and `make dev`.

Each is a process of its own in a folder of its own; a server that was killed starts again with the same port and data.
Kafka's jars come from Maven (`make` puts them into `.kafka/`), the Redis is the one on the PATH.
"""

from __future__ import annotations

import base64
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

_JARS = Path(__file__).parents[2] / ".kafka" / "jars"
_LOGGING = Path(__file__).parent / "log4j2.xml"
_START_SECONDS = 60
_STOP_SECONDS = 20
_TOLD_CHARACTERS = 3000
SLOTS = 16_384  # of a Redis Cluster


class ServerError(Exception):
    """A server did not start; the message names it and where its log is."""


class Ports:
    """TCP ports of the loopback interface below those that systems give to connections."""

    def __init__(self) -> None:
        self._mine = range(20_000, 32_000)
        self._given: set[int] = set()

    def share(self, part: int, parts: int) -> None:
        """Leave the ports of the other parts to processes that run side by side with this one."""
        self._mine = self._mine[part % parts :: parts]

    def take(self) -> int:
        """Return one that nobody listens on and that this process was not given before."""
        while True:
            port = random.choice(self._mine)  # noqa: S311 - no secret
            with socket.socket() as probe, suppress(OSError):
                if port not in self._given:
                    probe.bind(("127.0.0.1", port))
                    self._given.add(port)
                    return port


PORTS = Ports()


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on, nor will be given for a connection."""
    return PORTS.take()


class Server:
    """A server process: started again after it was killed, it listens on the same port and finds its data."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, ready: Callable[[], bool]) -> None:
        self._name = name
        self._command = command
        self.folder = folder
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None  # noqa: S101 - asked of a server that was started
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Tell whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until the server answers.

        Raises:
            ServerError: it ended, or did not answer in time.
        """
        log = self.folder / f"{self._name}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                told = log.read_text(errors="replace")[-_TOLD_CHARACTERS:]
                raise ServerError(f"{self._name} did not start, its log is {log}, which ends:\n{told}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order; a server that does not end in time is killed."""
        self._end(signal.SIGTERM)

    def suspend(self) -> None:
        """Let it stand still (SIGSTOP)."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self.runs:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._send(number)
        if self._process is None:
            return
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Kafka(Server):
    """A broker and controller in one process; `more` settings come last and win.

    `listeners` are ports of others by their names; `more` says what they speak. `users` are those of SCRAM that it
    knows from the beginning: `SCRAM-SHA-512=[name=…,password=…]`.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        listeners: Mapping[str, int] = MappingProxyType({}),
        more: Sequence[str] = (),
        users: Sequence[str] = (),
    ) -> None:
        self.port = port or free_port()
        self._listeners = {"PLAINTEXT": self.port, **listeners}
        self._users = users
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = folder / "server.properties"
        settings = _kafka_settings(folder.resolve() / "data", self._listeners, free_port())
        self._settings.write_text("\n".join([settings, *more, ""]))
        super().__init__(
            "kafka", [*_java("-Xms256m", "-Xmx1g"), "kafka.Kafka", str(self._settings.resolve())], folder, self._answers
        )

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, with an empty log the first time."""
        if not (self.folder / "data").exists():
            self._format()
        super().start()

    def _format(self) -> None:
        cluster = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]  # a "-" would look like an option
        options = ["--cluster-id", cluster, "--config", str(self._settings.resolve()), "--standalone"]
        options += [part for user in self._users for part in ("--add-scram", user)]
        command = [*_java("-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool", "format", *options]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, check=False)  # noqa: S603 - our own command
        if done.returncode:
            raise ServerError(f"kafka can't format its log: {(done.stdout + done.stderr).decode()[-_TOLD_CHARACTERS:]}")

    def _answers(self) -> bool:
        return all(map(_listens, self._listeners.values()))


class Redis(Server):
    """A Redis server that keeps what it is told: append-only file, no eviction."""

    def __init__(self, folder: Path, port: int | None = None, *options: str) -> None:
        self.port = port or free_port()
        folder.mkdir(parents=True, exist_ok=True)
        command = [_redis_server(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder.resolve())]
        command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction", *options]
        super().__init__("redis", command, folder, lambda: _pongs(self.port))

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"redis://127.0.0.1:{self.port}/0"


class RedisNode(Redis):
    """A Redis that may be made a node of a Cluster."""

    def __init__(self, folder: Path) -> None:
        self.bus_port = free_port()
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", str(self.bus_port)]
        super().__init__(folder, None, *options, "--repl-diskless-sync-delay", "0")

    def ask(self, *command: str) -> str:
        """Send it a command and return what `redis-cli` prints."""
        return redis_cli(self.port, *command)

    @property
    def slots(self) -> set[int]:
        """The slots that it serves, as it sees that itself."""
        [own] = [line.split() for line in self.ask("CLUSTER", "NODES").splitlines() if "myself" in line]
        ranges = [word.partition("-") for word in own[8:] if not word.startswith("[")]  # where one is on its way
        return {slot for first, _, last in ranges for slot in range(int(first), int(last or first) + 1)}

    def wait_for(self, lines: Sequence[str], *command: str) -> None:
        """Ask until the answer has these lines.

        Raises:
            ServerError: it has not, for long.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not set(lines) <= set(told := self.ask(*command).split()):
            if time.monotonic() > deadline:
                raise ServerError(f"redis at port {self.port}: {' '.join(command)}: {told}, expected {lines}")
            time.sleep(0.05)


class RedisCluster:
    """A Cluster of some primaries with equal parts of the slots; so many of the first ones have a replica."""

    def __init__(self, folder: Path, primaries: int = 3, replicas: int = 0) -> None:
        self.nodes = [RedisNode(folder / f"node-{number}") for number in range(primaries + replicas)]
        self.primaries, self.replicas = self.nodes[:primaries], self.nodes[primaries:]

    @property
    def in_charge(self) -> list[RedisNode]:
        """The primaries that run and serve slots."""
        running = (node for node in self.nodes if node.runs)
        return [node for node in running if "role:master" in node.ask("INFO", "replication").split() and node.slots]

    @property
    def url(self) -> str:
        """Where clients connect: two nodes that tell of the others."""
        return f"redis+cluster://127.0.0.1:{self.primaries[0].port},127.0.0.1:{self.primaries[1].port}"

    def start(self) -> None:
        """Start the nodes, make them one cluster, and wait until all of them see it whole.

        Raises:
            ServerError: a node did not start, or they don't find each other.
        """
        for node in self.nodes:
            node.start()
        for number, node in enumerate(self.primaries):
            first, end = (SLOTS * part // len(self.primaries) for part in (number, number + 1))
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(end - 1))
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            node.ask("CLUSTER", "MEET", "127.0.0.1", str(self.nodes[0].port), str(self.nodes[0].bus_port))
        for node in self.replicas:
            node.ask("CLUSTER", "MEET", "127.0.0.1", str(self.nodes[0].port), str(self.nodes[0].bus_port))
        for node in self.nodes:
            node.wait_for(["cluster_state:ok", f"cluster_known_nodes:{len(self.nodes)}"], "CLUSTER", "INFO")
        for primary, replica in zip(self.primaries, self.replicas, strict=False):
            replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID"))
            replica.wait_for(["role:slave", "master_link_status:up"], "INFO", "replication")
            primary.wait_for(["connected_slaves:1"], "INFO", "replication")

    def reshard(self, source: RedisNode, target: RedisNode, slots: int) -> None:
        """Move so many slots, key by key, as operators do."""
        ids = [node.ask("CLUSTER", "MYID") for node in (source, target)]
        chosen = ["--cluster-from", ids[0], "--cluster-to", ids[1], "--cluster-slots", str(slots), "--cluster-yes"]
        source.ask("--cluster", "reshard", f"127.0.0.1:{source.port}", *chosen)

    def stop(self) -> None:
        """Stop the nodes."""
        for node in self.nodes:
            node.stop()


def redis_cli(port: int, *command: str) -> str:
    """Send a command to the Redis at that port and return what `redis-cli` prints.

    Raises:
        ServerError: it fails, or the server answers with an error.
    """
    found = shutil.which("redis-cli")
    if found is None:
        raise ServerError("redis-cli is not on the PATH, expected it beside redis-server (Debian: redis-tools)")
    done = subprocess.run(  # noqa: S603 - our own command
        [found, "-e", "-p", str(port), *command], capture_output=True, check=False, text=True
    )
    if done.returncode:
        raise ServerError(f"redis at port {port}: {' '.join(command)}: {(done.stdout + done.stderr).strip()}")
    return done.stdout.strip()


class Sentinel(Server):
    """A Sentinel that alone decides whether a primary is down, after half a second, and who takes over."""

    def __init__(self, folder: Path, service: str, primary_port: int) -> None:
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "sentinel.conf"  # which it writes itself, once it knows more
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder.resolve()}\n"
            f"sentinel monitor {service} 127.0.0.1 {primary_port} 1\n"
            f"sentinel down-after-milliseconds {service} 500\nsentinel failover-timeout {service} 3000\n"
        )
        command = [_redis_server(), str(settings.resolve()), "--sentinel"]
        super().__init__("sentinel", command, folder, lambda: _pongs(self.port))


def _pongs(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _redis_server() -> str:
    found = shutil.which("redis-server")
    if found is None:
        raise ServerError(
            "redis-server is not on the PATH, expected it installed (Debian: apt-get install redis-server)"
        )
    return found


def _java(*options: str) -> list[str]:
    found = shutil.which("java")
    if found is None or not _JARS.is_dir():
        raise ServerError(f"kafka needs java on the PATH and its jars in {_JARS}: `make kafka`")
    return [found, "-XX:+UseSerialGC", *options, f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", f"{_JARS}/*"]


def _kafka_settings(data: Path, listeners: Mapping[str, int], controller_port: int) -> str:
    advertised = ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())
    return "\n".join([
        "process.roles=broker,controller",
        "node.id=1",
        f"listeners={advertised},CONTROLLER://127.0.0.1:{controller_port}",
        f"advertised.listeners={advertised}",
        f"controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}",
        "controller.listener.names=CONTROLLER",
        "inter.broker.listener.name=PLAINTEXT",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        f"log.dirs={data}",
        "auto.create.topics.enable=false",
        "offsets.topic.replication.factor=1",
        "offsets.topic.num.partitions=8",
        "log.retention.ms=-1",  # by their timestamps: those of simulated and recorded events are old
        "transaction.state.log.replication.factor=1",
        "transaction.state.log.min.isr=1",
        "transaction.state.log.num.partitions=8",
        "share.coordinator.state.topic.replication.factor=1",
        "share.coordinator.state.topic.min.isr=1",
        "broker.session.timeout.ms=2000",
        "broker.heartbeat.interval.ms=500",
        "group.initial.rebalance.delay.ms=0",
        "group.min.session.timeout.ms=1000",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000",
        "",
    ])  # fmt: skip


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
