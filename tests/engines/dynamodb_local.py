"""Amazon's DynamoDB Local in a process of its own, in memory, fetched once from Maven Central by Maven."""

import os
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

VERSION = "2.6.1"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>engine</artifactId><version>1</version><dependencies><dependency>
<groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>
"""
FETCHING_SECONDS = 300
STARTING_SECONDS = 60


def missing():
    """The programs that are needed and not there."""
    return [program for program in ("java", "mvn") if shutil.which(program) is None]


def home():
    """Where the engine is kept, outside of the repository."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tidegate" / f"dynamodb-local-{VERSION}"


def fetch():
    """The folder with the engine's libraries; whoever comes second waits for nobody and takes what is whole."""
    libraries = home() / "lib"
    if libraries.is_dir():
        return libraries
    building = home() / f"building-{os.getpid()}"
    building.mkdir(parents=True, exist_ok=True)
    (building / "pom.xml").write_text(POM)
    command = ["mvn", "-B", "-ntp", "-q", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
    subprocess.run(command, cwd=building, check=True, timeout=FETCHING_SECONDS, stdout=subprocess.DEVNULL)
    if not libraries.is_dir():
        (building / "lib").rename(libraries)
    shutil.rmtree(building)
    return libraries


class DynamoDBLocal:
    """Runs from its making until `stop`."""

    def __init__(self):
        libraries = fetch()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = ["java", "-Xmx512m", f"-Djava.library.path={libraries}", "-cp", f"{libraries}/*"]
        command += ["com.amazonaws.services.dynamodbv2.local.main.ServerRunner"]
        command += ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        pulse = threading.Event()
        for _ in range(STARTING_SECONDS * 10):
            if self.answers():
                return
            pulse.wait(0.1)
        self.stop()
        raise TimeoutError("DynamoDB Local did not start")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def answers(self):
        """Whether it is up: it refuses an empty request. A process that ended is an error."""
        if self.process.poll() is not None:
            raise ChildProcessError(f"DynamoDB Local ended with {self.process.returncode}")
        try:
            urllib.request.urlopen(self.url, timeout=1).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
