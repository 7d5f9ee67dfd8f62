//! `slotbus gateway`, the program.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::setup::{echo, get, json_of, post, worker};
use crate::support::name;

/// The program, killed when dropped.
struct Program(Child, SocketAddr);

impl Program {
    fn start(arguments: &[&str]) -> Self {
        Self::of(&mut Self::command(arguments))
    }

    fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slotbus"));
        command.args(["gateway", "--listen", "127.0.0.1:0"]).args(arguments);
        command
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).parse().unwrap();
        Self(child, address)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_forwards_shows_metrics_and_ends_well_at_a_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut program = Program::start(&["--region-version", "2", "--timeout", "20s", "--body-limit", "1KiB"]);
        let name = name();
        let routes = json!([{ "method": "GET", "path": "/echo/{word}" }]);
        let registered = post(program.1, "/internal/register", &json!({ "name": name, "routes": routes })).await;
        assert_eq!(json_of(registered)["shm_name"], format!("hub-{name}"));
        let worker = worker(&name, echo);
        assert_eq!(json_of(get(program.1, "/echo/hello").await)["path"], "/echo/hello");
        assert_eq!(get(program.1, "/nowhere").await.status(), 404);
        let metrics = get(program.1, "/metrics").await;
        let text = std::str::from_utf8(metrics.body()).unwrap();
        for line in [
            r#"slotbus_gateway_requests_total{method="GET",route="/echo/{word}",status="200"} 1"#,
            r#"slotbus_gateway_requests_total{method="GET",route="",status="404"} 1"#,
            r#"slotbus_gateway_request_duration_seconds_count{method="GET",route="/echo/{word}"} 1"#,
            "slotbus_gateway_requests_in_flight 1",
            &format!(r#"slotbus_hub_calls_total{{bus="hub-{name}",outcome="answered"}} 1"#),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        }
        kill_process(Pid::from_child(&program.0), signal).unwrap();
        assert!(program.0.wait().unwrap().success());
        assert!(!std::path::Path::new(&format!("/dev/shm/hub-{name}")).exists());
        worker.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_goes_on_when_its_log_cannot_be_written() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let program = Program::of(Program::command(&[]).env("RUST_LOG", "").stderr(full));
    let name = name();
    for _ in 0..2 {
        let registration = json!({ "name": name, "routes": [{ "method": "GET", "path": "/" }] });
        assert_eq!(post(program.1, "/internal/register", &registration).await.status(), 200);
    }
    let worker = worker(&name, echo);
    assert_eq!(json_of(get(program.1, "/").await)["path"], "/");
    kill_process(Pid::from_child(&program.0), Signal::TERM).unwrap();
    let ended = { program }.0.wait().unwrap();
    assert!(ended.success(), "{ended}");
    worker.abort();
}

#[test]
fn what_the_environment_says_is_taken_as_a_file_has_it_and_what_is_wrong_there_is_named() {
    for secret in ["", "sixteen or more visible\n", "0123456789abcdef\n"] {
        let is_one = !secret.contains(' ');
        let mut command = Program::command(&[]);
        command.env("SLOTBUS_HUB_SECRET", secret);
        if is_one {
            drop(Program::of(&mut command));
        } else {
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && said.contains("16 or more visible ascii characters"), "{said}");
        }
    }
    let output = Program::command(&[]).env("RUST_LOG", "slotbus=debgu").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("RUST_LOG"), "{said}");
}

#[test]
fn an_address_that_others_reach_is_refused_without_a_secret_and_the_error_says_what_to_do() {
    let gateway = |address: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slotbus"));
        command.args(["gateway", "--listen", address]).env_remove("SLOTBUS_HUB_SECRET");
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(gateway("0.0.0.0:0").contains("set a secret, or listen on a loopback address"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let text = gateway(&address);
    assert!(text.contains(&format!("cannot listen on {address}")) && text.contains("in use"), "{text}");
}
