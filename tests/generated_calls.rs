//! Calls that a program makes up from the API's own description, as people of each role: nothing fails, and
//! what is answered is what is described.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Stdio;

use hourkey_testkit::binaries;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::process;
use hourkey_testkit::test_user::TestUser;

/// As many calls of each kind as end in a minute for all four together.
const EXAMPLES: &str = "12";

/// The same calls each time.
const SEED: &str = "20261130";

/// Of each role one, with something to see.
const ORGANISATION: &str = r#"
name = "Made up"
[[user]]
login = "member"
name = "Mem"
[[user]]
login = "operator"
name = "Ola"
roles = ["Operator"]
[[user]]
login = "auditor"
name = "Aud"
roles = ["Auditor"]
[[user]]
login = "admin"
name = "Adm"
roles = ["Admin"]
[[group]]
name = "All"
members = ["member", "operator", "auditor", "admin"]
[[network]]
name = "Office"
[[resource]]
name = "Database"
address = "db.corp.example"
ports = "5432"
network = "Office"
access = { mode = "AccessRequest", up_to = "7d", approval = "Automatic" }
[[resource]]
name = "Vault"
address = "vault.corp.example"
network = "Office"
access = { mode = "AccessRequest", period = "1h" }
[[assignment]]
group = "All"
resource = "Database"
[[assignment]]
group = "All"
resource = "Vault"
"#;

async fn called(login: &'static str) {
    let controller = Controller::start(ORGANISATION).await.unwrap();
    let mut user = TestUser::new(&controller, login).await.unwrap();
    let token = user.access_token(&controller).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = process::command(binaries::python("st").unwrap());
    let header = format!("Authorization: Bearer {token}");
    let description = controller.url().join("api/v1/openapi.json").unwrap();
    command
        .args(["run", description.as_str(), "--header", &header])
        .args([
            "--seed",
            SEED,
            "--max-examples",
            EXAMPLES,
            "--continue-on-failure",
        ])
        .args(["--phases", "examples,coverage,fuzzing", "--no-shrink"])
        .args(["--checks", "not_a_server_error,status_code_conformance"])
        .args([
            "--checks",
            "content_type_conformance,response_schema_conformance",
        ])
        .args(["--checks", "negative_data_rejection"])
        // Streams do not end, and a session that was ended calls no more.
        .args(["--exclude-path", "/api/v1/events"])
        .args(["--exclude-path-regex", "/sessions/"])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null());
    let ended = tokio::process::Command::from(command).output();
    let ended = ended.await.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    let log = controller.log();
    let log: Vec<_> = log.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(ended.status.success(), "{login}: {said}");
    assert!(log.is_empty(), "{login}: {log:?}");
}

#[tokio::test]
async fn of_a_member() {
    called("member").await;
}

#[tokio::test]
async fn of_an_operator() {
    called("operator").await;
}

#[tokio::test]
async fn of_an_auditor() {
    called("auditor").await;
}

#[tokio::test]
async fn of_an_administrator() {
    called("admin").await;
}
