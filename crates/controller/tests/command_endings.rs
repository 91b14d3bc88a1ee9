//! How `apply` ends for scripts, and what `setup-code` says where nobody administers: the real program.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_store::second_factor::SecondFactor;
use hourkey_store::{Room, Store as _, Work};
use hourkey_store_sqlite::SqliteStore;
use hourkey_testkit::process;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_hourkey-controller");
const SMALL: &str = r#"
name = "Small"
[[user]]
login = "root"
name = "Root"
roles = ["Admin"]
"#;

struct Host(TempDir);

impl Host {
    fn new(organisation: &str) -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        let (code, said) = host.apply(organisation, &["--yes"]);
        assert_eq!(code, 0, "{said}");
        host
    }

    fn file(&self, organisation: &str) -> PathBuf {
        let file = self.0.path().join("org.toml");
        std::fs::write(&file, organisation).unwrap();
        file
    }

    fn apply(&self, organisation: &str, flags: &[&str]) -> (i32, String) {
        let file = self.file(organisation);
        self.run(&[&["apply", file.to_str().unwrap()], flags].concat())
    }

    /// The code, and all that was said.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = process::command(PROGRAM);
        command.arg("--data").arg(self.0.path().join("data"));
        ended(command.args(arguments))
    }

    /// `apply` on a terminal, with an answer.
    fn asked(&self, organisation: &str, answer: &str) -> (i32, String) {
        let (data, file) = (self.0.path().join("data"), self.file(organisation));
        let line = format!(
            "{PROGRAM} --data {} apply {}",
            data.display(),
            file.display()
        );
        let mut command = process::command("script");
        command.args(["-qec", &line, "/dev/null"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(input);
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code().unwrap(), said)
    }
}

fn ended(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap(),
        String::from_utf8(said).unwrap(),
    )
}

#[test]
fn apply_ends_with_1_where_it_was_declined() {
    let host = Host::new(SMALL);
    let renamed = SMALL.replace("Small", "Large");
    let (code, said) = host.asked(&renamed, "n\n");
    assert!(said.contains("Nothing was applied."), "{said}");
    assert_eq!(code, 1, "{said}");
    let (code, said) = host.asked(&renamed, "y\n");
    assert!(said.contains("Applied."), "{said}");
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_dry_run_tells_scripts_whether_there_is_a_difference() {
    let host = Host::new(SMALL);
    let renamed = SMALL.replace("Small", "Large");
    let detailed = ["--dry-run", "--detailed-exitcode"];
    for (organisation, flags, expected) in [
        (SMALL, &detailed[..], 0),
        (&renamed, &detailed[..], 2),
        (&renamed, &detailed[..1], 0),
        ("name = 1", &detailed[..], 1),
    ] {
        let (code, said) = host.apply(organisation, flags);
        assert_eq!(code, expected, "{flags:?}: {said}");
    }
}

#[test]
fn a_dry_run_makes_no_controller_where_none_is() {
    let host = Host(tempfile::tempdir().unwrap());
    let (code, said) = host.apply(SMALL, &["--dry-run"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("there is no controller"), "{said}");
    let (code, said) = host.apply("name = 1", &["--yes"]);
    assert!(code == 1 && said.contains("has mistakes"), "{said}");
    assert!(!host.0.path().join("data").exists());
}

#[test]
fn a_setup_code_for_users_without_an_administrator_says_what_to_do() {
    let host = Host::new(SMALL);
    let (code, said) = host.run(&["setup-code"]);
    assert!(code == 1 && said.contains("set up already"), "{said}");
    let host = Host::new(&SMALL.replace("\"Admin\"", ""));
    let (code, said) = host.run(&["setup-code"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("nobody administers it"), "{said}");
    assert!(
        said.contains("user add LOGIN --name NAME --admin"),
        "{said}"
    );
    let lint = host.run(&["lint"]);
    assert!(
        lint.0 == 1 && lint.1.contains("problem: Nobody administers"),
        "{lint:?}"
    );
    // As it says.
    let (code, said) = host.run(&["user", "add", "ada", "--name", "Ada", "--admin"]);
    assert_eq!(code, 0, "{said}");
    let (_, said) = host.run(&["setup-code"]);
    assert!(said.contains("set up already"), "{said}");
}

/// All that an organisation's file can say, and what is awkward to write.
const ALL: &str = r#"
name = "Ünïcode \"& Söhne\""
periods = ["45m", "12h"]
longest_period = "1 day"
fallback_reviewers = ["Reviewers"]
[[user]]
login = "root"
name = "Rosa \\ Ott"
email = "rosa@corp.example"
roles = ["Admin", "AccessReviewer"]
[[user]]
login = "ada"
name = "Ada"
disabled = true
[[group]]
name = "Reviewers"
members = ["ada", "root"]
[[group]]
name = "Nobody's"
[[network]]
name = "Lab"
[[network]]
name = "Attic"
[[resource]]
name = "Database"
address = "*.db.corp.example"
ports = "22, 5432-5440"
alias = "db"
network = "Lab"
tags = ["a, b", "c"]
url = "https://db.corp.example/"
keep_alive_offline = true
approvers = ["Reviewers"]
access = { mode = "AccessRequest", up_to = "7d", recommended = "1h 30m", approval = "Automatic" }
[[resource]]
name = "Wiki"
address = "10.0.0.0/8"
network = "Lab"
access = { mode = "AutoLock", lock_after = "400d" }
[[assignment]]
group = "Reviewers"
resource = "Database"
until = 2031-01-31T17:00:00.5Z
access = { mode = "Standing", period = "45m", approval = "Manual", lock_after = "1d" }
[[assignment]]
group = "Nobody's"
resource = "Wiki"
"#;

#[test]
fn what_is_exported_needs_no_applying() {
    let host = Host::new(ALL);
    let (code, exported) = host.run(&["export"]);
    assert_eq!(code, 0, "{exported}");
    let (code, said) = host.apply(&exported, &["--plan", "--prune"]);
    assert_eq!(code, 0, "{said}\n{exported}");
    assert!(said.contains("Nothing to do"), "{said}");
    let (code, said) = host.apply(&exported.replace("\"1 day\"", "\"20h\""), &["--plan"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("longest_period"), "{said}");
    for (wrong, words) in [
        ("\"10m\"", "is longer than the longest"),
        ("\"soon\"", "write a length"),
    ] {
        let (code, said) = host.apply(&exported.replace("\"1 day\"", wrong), &["--plan"]);
        assert_eq!(code, 1, "{said}");
        assert!(said.contains(words), "{said}");
    }
    // Nor does it from an empty controller, but that it adds everything.
    let (mine, body) = exported.split_once('\n').unwrap();
    assert!(mine.starts_with("installation = "), "{exported}");
    let other = Host::new(&body.replace("id = ", "# id = "));
    let (_, again) = other.run(&["export"]);
    let (its, again) = again.split_once('\n').unwrap();
    assert_eq!(again, body);
    // Its ids are of other things there.
    assert_ne!(its, mine);
    let (code, said) = other.apply(&exported, &["--plan"]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("line 1: this file was exported from another controller"),
        "{said}"
    );
}

#[test]
fn an_organisation_without_a_name_needs_no_applying_either() {
    let nameless = ALL.replacen(r#"name = "Ünïcode \"& Söhne\"""#, r#"name = """#, 1);
    assert_ne!(nameless, ALL);
    let host = Host::new(&nameless);
    let (code, exported) = host.run(&["export"]);
    assert_eq!(code, 0, "{exported}");
    assert!(exported.contains("name = \"\""), "{exported}");
    let (code, said) = host.apply(&exported, &["--plan", "--prune"]);
    assert_eq!(code, 0, "{said}\n{exported}");
    assert!(said.contains("Nothing to do"), "{said}");
    // A network needs one, and a file that says nothing of the name is a mistake.
    let (code, said) = host.apply("name = \"\"\n[[network]]\nname = \"\"\n", &["--plan"]);
    assert_eq!(code, 1, "{said}");
    let (code, said) = host.apply("[[network]]\nname = \"Office\"\n", &["--plan"]);
    assert_eq!(code, 1, "{said}");
}

/// A file that was written before the console could set things up, with what was in it then.
const OLDER: &str = include_str!("org_before_the_console.toml");

#[test]
fn a_file_of_before_the_console_is_what_it_was() {
    let host = Host::new(OLDER);
    let (code, said) = host.apply(OLDER, &["--plan", "--prune"]);
    assert_eq!(code, 0, "{said}");
    // It has a list of its own called so, which stays one.
    let line = "! group Everyone of this file is read as Everyone (listed): Everyone is built in";
    assert!(said.contains(line), "{said}");
    let (_, exported) = host.run(&["export"]);
    assert!(!exported.contains("\"Everyone\""), "{exported}");
    let (code, said) = host.apply(&exported, &["--plan", "--prune"]);
    assert_eq!(code, 0, "{said}\n{exported}");
}

#[test]
fn what_is_renamed_in_the_file_is_renamed_here() {
    let host = Host::new(ALL);
    let (_, exported) = host.run(&["export"]);
    // Two that swap their names, and one of each other kind.
    let renamed = exported
        .replace("\"Lab\"", "\"?\"")
        .replace("\"Attic\"", "\"Lab\"")
        .replace("\"?\"", "\"Attic\"")
        .replace("\"Database\"", "\"Ledger\"")
        .replace("\"Nobody's\"", "\"Somebody's\"")
        .replace("\"ada\"", "\"ada.park\"");
    assert_ne!(renamed, exported);
    let (code, said) = host.apply(&renamed, &["--plan", "--prune"]);
    assert_eq!(code, 2, "{said}");
    for line in [
        "~ network Lab: its name becomes Attic\n",
        "~ network Attic: its name becomes Lab\n",
        "~ resource Database: its name becomes Ledger\n",
        "~ group Nobody's: its name becomes Somebody's\n",
        "~ user ada: its login becomes ada.park\n",
    ] {
        assert!(said.contains(line), "{line}{said}");
    }
    assert!(!said.contains("\n+ ") && !said.contains("\n- "), "{said}");
    let (code, said) = host.apply(&renamed, &["--yes", "--prune"]);
    assert_eq!(code, 0, "{said}");
    let (_, now) = host.run(&["export"]);
    assert_eq!(now, renamed);
}

#[test]
fn an_id_and_a_name_of_two_different_things_are_refused() {
    let host = Host::new(ALL);
    let (_, exported) = host.run(&["export"]);
    let twice = exported.replace("id = 2\nname = \"Lab\"", "id = 1\nname = \"Lab\"");
    let (code, said) = host.apply(&twice, &["--plan"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("has the id 1 already"), "{said}");
    let alone = exported.replace("id = 2\nname = \"Lab\"", "name = \"Lab\"");
    let taken = alone.replace("id = 1\nname = \"Attic\"", "id = 2\nname = \"Attic\"");
    let (code, said) = host.apply(&taken, &["--plan"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("is another one, with the id 1"), "{said}");
    let (code, said) = host.apply(&exported.replace("id = 1\n", "id = 0\n"), &["--plan"]);
    assert!(code == 1 && said.contains("whole number from 1"), "{said}");
}

#[tokio::test]
async fn a_lost_second_factor_is_reset_on_the_host() {
    let host = Host::new(SMALL);
    let reset = ["user", "reset-two-step", "root"];
    let (code, said) = host.run(&reset);
    assert!(code == 1 && said.contains("nothing to reset"), "{said}");
    let store = SqliteStore::open(&host.0.path().join("data"))
        .await
        .unwrap();
    let work: Work = Box::new(|tx| {
        Box::pin(async move {
            tx.put_second_factor(SecondFactor {
                user: UserId(1),
                secret: vec![1],
                since: Time::UNIX_EPOCH,
                last_step: 1,
            })
            .await
        })
    });
    store.write(Room::Usual, work).await.unwrap();
    let (code, said) = host.run(&reset);
    assert!(code == 0 && said.contains("by password alone"), "{said}");
    let mut read = store.read().await.unwrap();
    assert_eq!(read.second_factor(UserId(1)).await.unwrap(), None);
    let (_, audit) = host.run(&["audit"]);
    assert!(audit.contains("second_factor.reset"), "{audit}");
}
