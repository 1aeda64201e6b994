"""Every command that an operator is told to type exists, with every option and variable that it is given."""

import ast
import json
import re
import shlex

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from chalice.app import CloudWatchEvent

from infra.grants import TURNING
from infra.stages import STAGES
from infra.templates import DATA
from infra.watch.template import watch
from tests.docs.pages import ROOT

PAGES = ("docs/operations.md", "docs/regions.md", "docs/scaling.md", "README.md")
MOST_BYTES = 51_200  # of a template that is sent as it is; a larger one goes through a bucket
EVERYWHERE = {"region", "profile", "output", "query", "cli-binary-format"}
# What the AWS CLI has of its own: options, those that must be, and words that are no option's.
OWN = {
    ("cloudformation", "deploy"): (
        {"template-file", "stack-name", "s3-bucket", "parameter-overrides", "capabilities"},
        {"template-file", "stack-name"},
        0,
    ),
    ("cloudformation", "package"): (
        {"template-file", "s3-bucket", "output-template-file"},
        {"template-file", "s3-bucket"},
        0,
    ),
    ("logs", "tail"): ({"since", "follow", "format"}, set(), 1),
}
WORDS = {("lambda", "invoke"): 1}  # where the answer is written
SESSION = botocore.session.Session()
MAKEFILE = (ROOT / "Makefile").read_text()


def in_pages():
    """Each command of a page: lines of its blocks, and what is said in passing."""
    for page in PAGES:
        text = (ROOT / page).read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        lines = "".join(blocks).replace("\\\n", " ").splitlines()
        passing = re.findall(r"`((?:aws|make) [^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        yield from (f"{page}: {' '.join(each.split())}" for each in [*lines, *passing])


def in_remedies():
    """Each command that a deployment says would help; what is filled in is `X`."""
    for path in sorted((ROOT / "infra" / "deploy").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            found = [f"{path.relative_to(ROOT)}: {each}" for each in re.findall("`(aws [^`]+)`", said(node))]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "command":
                found += [f"{path.relative_to(ROOT)}: aws {said(each)}" for each in node.args]
            yield from found


def said(node):
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(said(each) if isinstance(each, ast.Constant) else "X" for each in parts)
    return ""


def words_of(line):
    """The words of a command, without what is set before it and what is remarked behind it."""
    words = shlex.split(line.partition(": ")[2], comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    return words


ALL = sorted({*in_pages(), *in_remedies()})
AWS = [
    each for each in ALL if words_of(each)[:1] == ["aws"] and len(words_of(each)) > 2 and "X" not in words_of(each)[1:3]
]
MAKE = [each for each in ALL if words_of(each)[:1] == ["make"]]


def parted(words):
    """Options with their values, and the words before the first."""
    options, bare, into = {}, [], None
    for word in words:
        if word.startswith("--"):
            into = options.setdefault(word[2:].partition("=")[0], [])
        else:
            (bare if into is None else into).append(word)
    return options, bare


def fault(words):
    """What is wrong with a command of the AWS CLI, or None."""
    _, service, operation, *rest = words
    options, bare = parted(rest)
    if (service, operation) in OWN:
        known, needed, places = OWN[service, operation]
        return fault_of(options, bare, known, needed, places)
    try:
        model = SESSION.get_service_model(service)
    except UnknownServiceError:
        return f"no service {service}"
    named = {xform_name(each, "-"): each for each in model.operation_names}
    if operation not in named:
        return f"no operation {operation}"
    return fault_in(model.operation_model(named[operation]).input_shape, options, bare, (service, operation))


def fault_in(shape, options, bare, called):
    """What is wrong with the options of a call that takes `shape`."""
    members = {xform_name(each, "-"): found for each, found in shape.members.items()}
    kinds = {name: members[name].type_name for name in options.keys() & members.keys()}
    if "blob" in kinds.values() and "cli-binary-format" not in options:
        return "a payload would be read as base64"
    for name in [name for name in options if kinds.get(name) != "list"]:
        bare = bare + options[name][0 if kinds.get(name) == "boolean" else 1 :]
    needed = {xform_name(each, "-") for each in shape.required_members}
    return fault_of(options, bare, members.keys(), needed, WORDS.get(called, 0))


def fault_of(options, bare, known, needed, places):
    unknown = options.keys() - {*known, *EVERYWHERE}
    if unknown:
        return f"no option {unknown}"
    if needed - options.keys():
        return f"without {needed - options.keys()}"
    return None if len(bare) == places else f"{places} words are no option's, not {bare}"


def test_there_are_commands_to_look_at():
    assert len(AWS) > 10
    assert len(MAKE) > 10
    assert {each.partition(":")[0] for each in AWS} >= {"docs/operations.md", "infra/deploy/checks.py"}


@pytest.mark.parametrize("line", AWS)
def test_a_command_of_the_aws_cli_is_one(line):
    assert fault(words_of(line)) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("aws lamda invoke", "no service lamda"),
        ("aws lambda call", "no operation call"),
        ("aws lambda invoke --name f out", "no option {'name'}"),
        ("aws lambda invoke out", "without {'function-name'}"),
        ("aws lambda invoke --function-name f", "1 words are no option's, not []"),
        ("aws lambda invoke --function-name f --payload '{}' out", "a payload would be read as base64"),
        ("aws cloudformation deploy --stack-name s", "without {'template-file'}"),
    ],
)
def test_one_that_is_none_is_found(line, said):
    assert fault(shlex.split(line)) == said


@pytest.mark.parametrize("line", MAKE)
def test_a_target_of_make_exists_and_knows_its_variables(line):
    target, *given = words_of(line)[1:] or ["help"]
    code = MAKEFILE + "".join(path.read_text() for path in (ROOT / "infra").rglob("*.py"))

    assert re.search(rf"^{target}:|^{target} | {target} .*:$| {target}:", MAKEFILE, re.MULTILINE)
    for name in [each.partition("=")[0] for each in given if "=" in each]:
        assert re.search(rf'\$\({name}\)|"{name}"|"{name.lower()}"|\({name},', code), name


def test_a_template_that_is_too_large_goes_through_a_bucket():
    deployed = [words_of(each) for each in AWS if words_of(each)[2] == "deploy"]
    sizes = {
        "data.yaml": DATA.stat().st_size,
        "watch.json": max(len(json.dumps(watch(each))) for each in STAGES.values()),
    }
    files = {parted(words[3:])[0]["template-file"][0].rpartition("/")[2]: words for words in deployed}

    assert {name for name, words in files.items() if "--s3-bucket" not in words} == sizes.keys()
    assert max(sizes.values()) < MOST_BYTES
    assert "packaged.yaml" in files


def test_a_watch_stack_is_given_what_it_asks_for_and_nothing_else():
    (words,) = (words_of(each) for each in AWS if "watch.json" in each)
    given = dict(each.split("=") for each in parted(words[3:])[0]["parameter-overrides"])
    known = watch(STAGES["team"])["Parameters"]

    assert given.keys() <= known.keys()
    assert {name for name, each in known.items() if "Default" not in each} <= given.keys()
    assert len(given["TurningRoles"].split(",")) == len(TURNING)


def test_a_sweep_that_is_called_by_hand_is_told_what_the_schedule_says():
    (words,) = (words_of(each) for each in AWS if "-sweep" in each and "invoke" in each)

    event = CloudWatchEvent(json.loads(parted(words[3:])[0]["payload"][0]), None)

    assert event.detail_type == "Scheduled Event"
