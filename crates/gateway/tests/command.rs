//! The program as an administrator runs it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hourkey_gateway::enrolment::Folder;
use hourkey_gateway::timings::Timings;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use test_env::client::{ConnectResponse, answer};
use test_env::controller::{TOKEN, TestController};
use test_env::origin::{DRAIN, ECHO, Origin};
use test_env::{ANN, DB, LAPTOP, eventually, soon};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

fn gateway(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hourkey-gateway"));
    command.arg("--state").arg(state).kill_on_drop(true);
    command
}

async fn enrol(state: &Path, token: &str, arguments: &[&str]) -> Output {
    let mut command = gateway(state);
    command.arg("enrol").args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have refused the arguments already.
    let _ = stdin.write_all(format!("{token}\n").as_bytes()).await;
    drop(stdin);
    soon("enrolment", child.wait_with_output()).await.unwrap()
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(all).unwrap()
}

/// A running gateway, where it listens, and what it logged since.
struct RunningGateway {
    child: Child,
    pid: Pid,
    address: std::net::SocketAddr,
    log: Arc<Mutex<String>>,
}

impl RunningGateway {
    fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

/// The folder of an enrolled gateway for any port, whose map has this line.
async fn enrolled(controller: &TestController, host: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    controller
        .enrol(&Folder::open(folder.path()).unwrap())
        .await;
    let config = format!("listen = \"127.0.0.1:0\"\n[hosts]\n{host}\n");
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    folder
}

/// [`enrolled`], with the database behind it.
async fn with_database(controller: &TestController) -> (tempfile::TempDir, Origin) {
    controller.resource(DB, "db.corp", "5432");
    let origin = Origin::start().await;
    let host = format!("\"db.corp\" = \"{}\"", origin.address);
    (enrolled(controller, &host).await, origin)
}

async fn serve(state: &Path) -> RunningGateway {
    let mut command = gateway(state);
    command.arg("serve");
    serve_by(command).await
}

/// A command that is run with other limits (`ulimit`).
fn limited(state: &Path, limit: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit {limit}; exec \"$0\" \"$@\"");
    command.args(["-c", &script]).kill_on_drop(true);
    command.arg(env!("CARGO_BIN_EXE_hourkey-gateway"));
    command.arg("--state").arg(state).arg("serve");
    command
}

async fn serve_by(mut command: Command) -> RunningGateway {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let log = Arc::new(Mutex::new(String::new()));
    let address = soon("it listens", async {
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            *log.lock().unwrap() += &format!("{line}\n");
            if line.contains("gateway is listening") {
                let start = line.find("127.0.0.1:").unwrap();
                let end = line[start..].find(|c: char| !(c.is_ascii_digit() || ".:".contains(c)));
                let end = end.map_or(line.len(), |end| start + end);
                return line[start..end].parse().unwrap();
            }
        }
    })
    .await;
    // The log must not block the program.
    let logged = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            *logged.lock().unwrap() += &format!("{line}\n");
        }
    });
    RunningGateway {
        child,
        pid,
        address,
        log,
    }
}

#[tokio::test]
async fn enrols_once_and_keeps_its_secrets_to_itself() {
    let controller = TestController::start().await;
    let url = controller.url.as_str();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");

    let refused = enrol(&state, "wrong", &[url]).await;
    assert!(!refused.status.success());
    assert!(said(&refused).contains("This token is not known, or was used already."));
    let unprotected = enrol(&state, TOKEN, &["http://hourkey.example.org"]).await;
    assert!(!unprotected.status.success());
    assert!(said(&unprotected).contains("Only https"));
    let empty = enrol(&state, "", &[url]).await;
    assert!(said(&empty).contains("standard input"));

    let enrolled = enrol(&state, TOKEN, &[url]).await;
    assert!(enrolled.status.success(), "{}", said(&enrolled));
    assert!(said(&enrolled).contains("Enrolled as gateway gw-1 of network office."));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let files: Vec<_> = std::fs::read_dir(&state).unwrap().collect();
    assert_eq!(files.len(), 3);
    for file in files {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    let again = enrol(&state, TOKEN, &[url]).await;
    assert!(said(&again).contains("enrolled already"));
    let replayed = enrol(&folder.path().join("other"), TOKEN, &[url]).await;
    assert!(said(&replayed).contains("used already"));
}

#[tokio::test]
async fn says_what_is_missing_or_wrong() {
    let controller = TestController::start().await;
    let folder = enrolled(&controller, "").await;
    let (state, settings) = (folder.path(), folder.path().join("gateway.toml"));
    let serves = async |state: &Path| {
        let output = gateway(state).arg("serve").output().await.unwrap();
        assert!(!output.status.success());
        said(&output)
    };
    std::fs::write(&settings, "lisen = 1").unwrap();
    let misspelt = serves(state).await;
    assert!(misspelt.contains("unknown field `lisen`"), "{misspelt}");
    std::fs::remove_file(&settings).unwrap();
    let missing = serves(state).await;
    assert!(missing.contains("gateway.toml cannot be read"), "{missing}");
    // A folder that nobody enrolled is not made either.
    let other = state.join("stat");
    let unknown = serves(&other).await;
    assert!(unknown.contains("is not enrolled: run"), "{unknown}");
    assert!(!other.exists());

    for (address, advice) in [
        ("hourkey example", "https://hourkey.example.com"),
        ("https://hourkey.example.org/login", "has no path"),
    ] {
        let refused = said(&enrol(&other, TOKEN, &[address]).await);
        assert!(refused.contains(advice), "{refused}");
    }
    let pem = controller.gateways_authority();
    let authority = state.join("ca.pem");
    for wrong in [&pem[..pem.len() / 2], "", "\u{0}"] {
        std::fs::write(&authority, wrong).unwrap();
        let arguments = ["https://127.0.0.1", "--ca", authority.to_str().unwrap()];
        let refused = said(&enrol(&other, TOKEN, &arguments).await);
        assert!(
            refused.contains("ca.pem") && refused.contains("PEM"),
            "{refused}"
        );
    }
    assert!(!other.exists());
}

#[tokio::test]
async fn trusts_only_the_authority_that_it_was_given() {
    let controller = TestController::start().await;
    let (url, authority) = controller.behind_tls().await;
    let (_, other) = TestController::start().await.behind_tls().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (authority, other) = (write("ca.pem", &authority), write("other.pem", &other));
    let state = folder.path().join("state");
    for (untrusting, advice) in [
        (vec![url.as_str()], "enrol the gateway with --ca FILE"),
        (vec![&url, "--ca", &other], "--ca FILE named another one"),
    ] {
        let refused = enrol(&state, TOKEN, &untrusting).await;
        assert!(!refused.status.success());
        assert!(said(&refused).contains(advice), "{}", said(&refused));
    }
    let plain = controller.url.as_str().replace("http:", "https:");
    let refused = said(&enrol(&state, TOKEN, &[&plain]).await);
    assert!(refused.contains("does not speak TLS"), "{refused}");
    let enrolled = enrol(&state, TOKEN, &[&url, "--ca", &authority]).await;
    assert!(enrolled.status.success(), "{}", said(&enrolled));
}

#[tokio::test]
async fn serves_stands_still_and_ends_when_told() {
    let controller = TestController::start().await;
    let (folder, origin) = with_database(&controller).await;
    let mut served = serve(folder.path()).await;
    let ann = controller.device(LAPTOP, ANN, served.address);
    controller.permit(ANN, DB, None);
    let mut drain = ann.connect("db.corp:5432").await.unwrap();
    drain.write_all(&[DRAIN, 1]).await.unwrap();
    eventually("it passes", || origin.received() == 1).await;

    // Stopped; meanwhile the permit goes.
    kill_process(served.pid, Signal::STOP).unwrap();
    drain.write_all(&[2; 4096]).await.unwrap();
    controller.revoke(ANN, DB);
    tokio::time::sleep(Duration::from_secs(3)).await;
    kill_process(served.pid, Signal::CONT).unwrap();
    let cut = async { while drain.read(&mut [0; 16]).await.is_ok() {} };
    soon("the cut", cut).await;
    assert_eq!(origin.received(), 1);

    controller.permit(ANN, DB, None);
    let connecting = async {
        loop {
            match ann.connect("db.corp:5432").await {
                Ok(echo) => break echo,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    let mut echo = soon("the permit is known", connecting).await;
    echo.write_all(&[ECHO, b'x']).await.unwrap();
    assert_eq!(soon("an echo", echo.read_u8()).await.unwrap(), b'x');
    kill_process(served.pid, Signal::TERM).unwrap();
    let status = soon("it ends", served.child.wait()).await.unwrap();
    assert!(status.success());
    soon("the cut", echo.read(&mut [0; 1])).await.unwrap_err();
}

#[tokio::test]
async fn nothing_is_lost_where_its_words_cannot_be_written() {
    let controller = TestController::start().await;
    let folder = tempfile::tempdir().unwrap();
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = gateway(folder.path());
    command
        .args(["enrol", controller.url.as_str()])
        .stdin(Stdio::piped());
    let mut child = command.stdout(writer).stderr(full()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(format!("{TOKEN}\n").as_bytes())
        .await
        .unwrap();
    drop(stdin);
    let ended = soon("enrolment", child.wait()).await.unwrap();
    // As shells say of a program that SIGPIPE ends.
    assert_eq!(ended.code(), Some(141));

    std::fs::write(
        folder.path().join("gateway.toml"),
        "listen = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    let _serves = gateway(folder.path())
        .arg("serve")
        .stderr(full())
        .spawn()
        .unwrap();
    controller.acked(1).await;
}

#[tokio::test]
async fn no_proxy_is_blamed_for_what_a_process_slept() {
    let controller = TestController::start().await;
    let folder = enrolled(&controller, "").await;
    let served = serve(folder.path()).await;
    eventually("its stream is established", || {
        served.log().contains("controller stream established")
    })
    .await;
    // It has looked at the clock since.
    tokio::time::sleep(2 * Timings::default().tick_interval).await;
    kill_process(served.pid, Signal::STOP).unwrap();
    tokio::time::sleep(Duration::from_secs(9)).await;
    kill_process(served.pid, Signal::CONT).unwrap();
    let seq = controller.resource(DB, "db.corp", "5432");
    controller.acked(seq).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let log = served.log();
    assert!(log.contains("its machine was suspended"), "{log}");
    assert!(log.contains("connections pass again"), "{log}");
    assert_eq!(log.matches(" WARN ").count(), 1, "{log}");
    assert_eq!(controller.streams(), 1, "the stream was alive all along");

    // The controller is stopped, and goes on before anybody asks whether it answers.
    controller.mute();
    eventually("it is told", || {
        served.log().contains("its stream went silent")
    })
    .await;
    eventually("it is told what that means", || {
        served.log().contains("the lease has expired")
    })
    .await;
    controller.come_back();
    let seq = controller.resource(DB, "db.corp", "5433");
    controller.acked(seq).await;
    assert!(!served.log().contains("proxy"), "{}", served.log());
}

#[tokio::test]
async fn connections_are_reported_from_a_full_disk_and_kept_once_there_is_room() {
    let controller = TestController::start().await;
    let (folder, _origin) = with_database(&controller).await;
    // The kernel's limit on the size of a file plays the full disk.
    let mut served = serve_by(limited(folder.path(), "-S -f 0")).await;
    let ann = controller.device(LAPTOP, ANN, served.address);
    controller.permit(ANN, DB, None);
    for round in 1..=3 {
        let mut echo = ann.connect("db.corp:5432").await.unwrap();
        echo.write_all(&[ECHO, b'x']).await.unwrap();
        assert_eq!(soon("an echo", echo.read_u8()).await.unwrap(), b'x');
        drop(echo);
        eventually("both ends are reported", || {
            controller.reported().len() == 2 * round
        })
        .await;
    }
    let journal = folder.path().join("connections.jsonl");
    let size = || std::fs::metadata(&journal).map_or(0, |it| it.len());
    assert_eq!(size(), 0);
    let everything = Rlimit {
        current: None,
        maximum: None,
    };
    prlimit(Some(served.pid), Resource::Fsize, everything).unwrap();
    let mut echo = ann.connect("db.corp:5432").await.unwrap();
    echo.write_all(&[ECHO, b'x']).await.unwrap();
    eventually("it is written", || size() > 0).await;
    kill_process(served.pid, Signal::TERM).unwrap();
    assert!(
        soon("it ends", served.child.wait())
            .await
            .unwrap()
            .success()
    );
    let log = served.log();
    assert_eq!(log.matches(" ERROR ").count(), 1, "{log}");
    assert!(log.contains("make room on the disk"), "{log}");
    assert_eq!(log.matches("can be written again").count(), 1, "{log}");
    assert!(!log.contains("are lost"), "{log}");
}

#[tokio::test]
async fn no_resource_is_blamed_for_the_gateways_own_descriptors() {
    /// File descriptors that the gateway may have.
    const MAX: usize = 64;
    let controller = TestController::start().await;
    let (folder, _origin) = with_database(&controller).await;
    let served = serve_by(limited(folder.path(), &format!("-n {MAX}"))).await;
    let ann = controller.device(LAPTOP, ANN, served.address);
    controller.permit(ANN, DB, None);
    let open = || {
        let folder = format!("/proc/{}/fd", served.pid.as_raw_nonzero());
        std::fs::read_dir(folder).unwrap().count()
    };
    let mut ready = Vec::new();
    while open() < MAX {
        ready.push(ann.raw().await);
    }
    let mut connected = Vec::new();
    let refused = loop {
        let mut tls = ready.pop().unwrap();
        let head = b"CONNECT db.corp:5432 HTTP/1.1\r\nhost: x\r\n\r\n";
        tls.write_all(head).await.unwrap();
        let answer = answer(&mut tls).await;
        if answer.status != 200 {
            break answer.brief();
        }
        connected.push(tls);
    };
    assert_eq!(refused, ConnectResponse::refused(503, "busy"));
    ready.clear();
    drop(connected);
    eventually("they are closed", || open() < MAX / 2).await;
    let mut echo = ann.connect("db.corp:5432").await.unwrap();
    echo.write_all(&[ECHO, b'x']).await.unwrap();
    assert_eq!(soon("an echo", echo.read_u8()).await.unwrap(), b'x');
    let log = served.log();
    assert_eq!(log.matches("LimitNOFILE").count(), 1, "{log}");
}

#[tokio::test]
async fn two_processes_with_one_credential_are_told_of_each_other() {
    let controller = TestController::start().await;
    let first = enrolled(&controller, "").await;
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(first.path()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let served = serve(first.path()).await;
    eventually("its stream is established", || {
        served.log().contains("controller stream established")
    })
    .await;
    let other = serve(copy.path()).await;
    for process in [&served, &other] {
        eventually("it is told", || {
            process.log().contains("another process has taken over")
        })
        .await;
        let log = process.log();
        assert!(!log.contains(" WARN ") && !log.contains("proxy"), "{log}");
    }
}
