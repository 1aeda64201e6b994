"""What whoever starts `make run`, stops it or kills it may rely on."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.infra.runs import eventually, free_port


def is_free(lock):
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_it_prints_one_ready_line_and_a_command_that_reads_the_key(start_first):
    run = start_first().until_ready()

    assert run.process.stdout.readline().startswith(f"curl -s http://127.0.0.1:{run.port}/v1/chat/completions")
    assert run.ask("GET", "/health") == (200, {"status": "ok"})
    assert (run.directory / "api-key").stat().st_mode & 0o777 == 0o600


def test_what_is_slow_to_load_is_asked_for_once_it_is_ready(start):
    run = start().until_ready()

    assert eventually(lambda: run.ask("GET", "/asked") == (200, {"with": ["Bearer stand-in-admin-key"]}))


def test_a_run_without_the_semantic_cache_loads_nothing_for_it(start):
    run = start(SEMANTIC="off").until_ready()

    assert run.ask("GET", "/asked") == (200, {"with": []})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_well_and_leaves_nobody_when_asked_to(start, number):
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("whoever runs the tests ignores this signal, and a run inherits that")
    run = start().until_ready()

    run.process.send_signal(number)

    assert run.end() == (0, "")


def test_it_can_be_asked_to_end_before_it_is_ready(start_first):
    run = start_first()
    assert eventually(run.children)  # of which the first comes long before it is ready

    run.process.send_signal(signal.SIGTERM)

    assert run.end() == (0, "")
    assert run.process.stdout.read() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize(("module", "name"), [("emulator", "emulator"), ("serve", "API")])
def test_the_death_of_a_part_is_named_and_ends_the_rest(start, module, name, number):
    run = start().until_ready()

    os.kill(run.children()[module], number)

    code, said = run.end()
    assert code == 1
    assert said.startswith(f"make run: the {name} ")
    assert said.count("\n") == 1
    assert f"{run.directory}/{name.lower()}.log" in said


def test_nobody_survives_the_kill_of_the_supervisor(start):
    run = start().until_ready()

    run.process.kill()

    assert run.end() == (-signal.SIGKILL, "")


def test_nobody_survives_the_kill_of_make(tmp_path):
    script = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'tests.infra.stand_in'])"
    environ = {**os.environ, "TIDEGATE_LOCAL_DIR": str(tmp_path), "PORT": str(free_port()), "MAKELEVEL": "1"}
    make = subprocess.Popen([sys.executable, "-c", script], env=environ, stdout=subprocess.PIPE, text=True)
    assert make.stdout.readline().startswith("ready")

    make.kill()

    make.wait()
    assert make.stdout.read().startswith("curl")  # up to the end of the pipe: the supervisor is gone
    assert eventually(lambda: is_free(tmp_path / "aws" / "lock"))  # and so is the emulator, the last to go


def test_a_port_in_use_is_said_in_one_sentence(start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        run = start(other.getsockname()[1])

        code, said = run.end()

    assert code == 1
    assert said.startswith(f"make run: port {run.port} cannot be used (Address already in use): free it")
    assert said.count("\n") == 1


def test_a_port_that_is_none_is_said(start):
    run = start("http")

    assert run.end() == (1, "make run: PORT must be a number from 1 to 65535, not 'http'\n")


def test_a_second_run_in_the_same_directory_says_so(start):
    first = start().until_ready()

    code, said = start().end()

    assert (code, said.count("\n")) == (1, 1)
    assert "another `make run` is using" in said
    assert first.ask("GET", "/health") == (200, {"status": "ok"})


def test_a_directory_that_cannot_be_written_is_said(start_first, tmp_path):
    (tmp_path / "local").write_text("a file, where a directory should be")

    code, said = start_first().end()

    assert (code, said.count("\n")) == (1, 1)
    assert "cannot be written" in said


def test_an_emulator_that_cannot_start_is_said_with_its_last_words(start_first, tmp_path):
    damaged = tmp_path / "local" / "aws" / "state-1"
    damaged.mkdir(parents=True)
    (damaged / "dynamodb.json").write_text('{"half')

    code, said = start_first().end()

    assert code == 1
    assert said.startswith("make run: the emulator ended with code 3; its last words: ")
    assert (damaged / "dynamodb.json").read_text() == '{"half'


def test_an_app_that_cannot_be_imported_is_said_with_its_last_words(start, tmp_path):
    run = start(STAND_IN_FAULT="no such model")

    code, said = run.end()

    assert code == 1
    assert said.startswith("make run: the API ended with code 1; its last words: ValueError: no such model")


def test_what_was_acknowledged_survives_the_kill_of_everyone_again_and_again(start_first):
    port = None
    for kill in range(3):
        run = start_first(port).until_ready()
        port = run.port
        earlier = [run.ask("GET", f"/notes/{before}")[1]["text"] for before in range(kill)]
        run.ask("PUT", f"/notes/{kill}", {"text": f"written before kill {kill}"})

        run.kill_everyone()

        assert earlier == [f"written before kill {before}" for before in range(kill)]


def test_an_open_stream_is_closed_by_its_own_thread_when_the_run_ends(start, tmp_path):
    note = tmp_path / "settled"
    run = start().until_ready()
    with socket.create_connection(("127.0.0.1", run.port)) as reader:
        reader.sendall(f"GET /stream?count=10000&pause=0.1&note={note} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        reader.recv(4096)

        run.process.terminate()
        code, _ = run.end()

    assert code == 0
    assert note.read_text() == "settled by lambda"


def test_a_second_start_is_measured(start, capsys):
    first = start().until_ready()
    first.process.terminate()
    first.end()
    begun = time.monotonic()

    start(first.port).until_ready()

    with capsys.disabled():
        sys.stdout.write(f"ready again after {time.monotonic() - begun:.2f} s\n")
