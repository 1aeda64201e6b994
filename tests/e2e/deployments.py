"""The two ways to deploy a stage, each as its operator goes it."""

import hashlib
import json
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.cloud import PATIENCE_SECONDS, ROOT
from tests.e2e.deployed import ORIGIN, Deployed

STAGE = "solo"
BUCKET = "packages"
WEIGHTS = "chalicelib/adapters/embedders/wordllama.npz"
SECRET = f"tidegate/{STAGE}/peppers"
SETTINGS = {
    "TIDEGATE_UPSTREAM": "simulated://echo?directives=1",
    "TIDEGATE_ORIGINS": ORIGIN,
}
MEANINGS = {
    "TIDEGATE_SEMANTIC": "serve",
    "TIDEGATE_SEMANTIC_MS": "20000",  # a machine that is busy misses no meaning
    "TIDEGATE_CHECK_RATE": "0",
}


class Deployment:
    """A copy of the repository and the cloud that it is deployed in."""

    named = {"TIDEGATE_STAGE": STAGE, "TIDEGATE_PEPPERS_SECRET": SECRET}  # noqa: RUF012 - never written

    def __init__(self, cloud, folder):
        self.cloud = cloud
        self.folder = copy_of_repository(folder)

    def configure(self, **settings):
        """Set environment variables of every function, where an operator does."""
        file = self.folder / ".chalice" / "config.json"
        config = json.loads(file.read_text())
        config["stages"][STAGE]["environment_variables"] |= settings
        file.write_text(json.dumps(config, indent=2))

    def run(self, *command):
        """A command of the repository; what it says, if it fails."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.cloud.environment | self.named,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def upload(self, key, body):
        """Where CloudFormation finds it: what it is sent itself may have 51,200 bytes."""
        s3 = self.cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"{self.cloud.url}/{BUCKET}/{key}"

    def stack(self, name, template, parameters):
        """A stack as it is now wanted, made or changed; what it puts out."""
        client = self.cloud.client("cloudformation")
        wanted = {
            "StackName": name,
            "TemplateURL": self.upload(f"{name}.json", template.encode()),
            "Capabilities": ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        }
        try:
            client.describe_stacks(StackName=name)
        except client.exceptions.ClientError:
            client.create_stack(**wanted)
        else:
            with suppress_no_update(client):
                client.update_stack(**wanted)
        return settled(client, name)


class ByCloudFormation(Deployment):
    """`make package`, and the three templates that it makes as stacks; the cache looks for the same words alone."""

    settings = SETTINGS

    def deploy(self):
        """Make or change the stacks; where the product is now."""
        self.run("make", "package", f"STAGE={STAGE}", "OUT=out")
        made = self.folder / "out"
        given = dict(each.split("=", 1) for each in json.loads((made / "data-parameters.json").read_text()))
        self.stack(f"tidegate-{STAGE}-data", (made / "data.yaml").read_text(), given)
        self.make_secret()
        outputs = self.stack(f"tidegate-{STAGE}", self.packaged(made), {})
        self.stack(f"tidegate-{STAGE}-watch", (made / "watch.json").read_text(), {})
        return Deployed(self, rest=outputs["RestAPIId"], websocket=outputs["WebsocketAPIId"])

    def packaged(self, made):
        """The template with its package where Lambda finds it, as `aws cloudformation package` puts it."""
        archive = (made / "deployment.zip").read_bytes()
        key = f"{hashlib.sha256(archive).hexdigest()}.zip"
        self.upload(key, archive)
        template = json.loads((made / "sam.json").read_text())
        for each in template["Resources"].values():
            if each["Type"] == "AWS::Serverless::Function":
                each["Properties"]["CodeUri"] = {"Bucket": BUCKET, "Key": key}
        return json.dumps(template)

    def make_secret(self):
        """The peppers, which no template may hold."""
        client = self.cloud.client("secretsmanager")
        with suppress(client.exceptions.ResourceExistsException):
            client.create_secret(Name=SECRET, SecretString=json.dumps({"current": 1, "peppers": {"1": "one of tests"}}))


@contextmanager
def suppress_no_update(client):
    """A stack that is as it should be is left alone."""
    try:
        yield
    except client.exceptions.ClientError as fault:
        if "No updates" not in str(fault):
            raise


def settled(client, name):
    """What a stack has put out when it is done."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        stack = client.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
        failed = "ROLLBACK" in stack["StackStatus"] or "FAILED" in stack["StackStatus"]
        if failed or time.monotonic() > until:
            events = client.describe_stack_events(StackName=name)["StackEvents"]
            raise AssertionError([(each["ResourceStatus"], each.get("ResourceStatusReason")) for each in events])
        time.sleep(0.05)


def copy_of_repository(folder):
    """What a fresh clone holds, and the environment and weights that the first `make` there makes."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in [*listing.rstrip("\0").split("\0"), WEIGHTS]:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(Path(ROOT) / ".venv")
    return folder


class ByChalice(Deployment):
    """`make deploy`, which runs `chalice deploy`; the cache looks for meanings too."""

    settings = SETTINGS | MEANINGS

    def deploy(self):
        """Run it; where the product is now."""
        at = f"{self.cloud.url}/_aws/execute-api/{{api}}/{{stage}}"
        self.run("make", "deploy", f"STAGE={STAGE}", f"API_URL={at}", "KEY_FILE=first-key")
        known = json.loads((self.folder / "build" / STAGE / "deployed.json").read_text())
        return Deployed(self, rest=known["rest_api"], websocket=known["websocket_api"])
