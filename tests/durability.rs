//! What was answered with success survives `kill -9`, and nothing is half-done (rule 12).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use hourkey_client::session::Session;
use hourkey_domain::ids::{RequestId, ResourceId};
use hourkey_protocol::access::{Approve, NewRequest, RequestStatus};
use hourkey_protocol::notice::What;
use hourkey_testkit::controller::Controller;
use hourkey_testkit::organisation::{Access, OrgBuilder, Resource, SAMPLE};
use hourkey_testkit::test_user::TestUser;
use tokio::task::JoinSet;

/// Requests that wait when the approvals begin.
const REQUESTS: usize = 200;
/// Who ask, and who approve: one person may not change as much at once.
const MEMBERS: [&str; 8] = ["ada", "ann", "ben", "cleo", "dan", "eve", "finn", "gus"];
const REVIEWERS: [&str; 8] = ["marta", "nora", "omar", "pia", "rae", "roy", "tom", "uma"];
/// Approvals answered before the controller is killed.
const MIN_ANSWERED: usize = 40;

/// Members, reviewers, and a resource for each request.
fn organisation() -> String {
    let mut organisation = OrgBuilder::new("Durable").network("Office");
    for (member, reviewer) in MEMBERS.iter().zip(REVIEWERS) {
        organisation = organisation
            .member(member, "A member")
            .reviewer(reviewer, "A reviewer");
    }
    organisation = organisation.group("Members", &MEMBERS);
    for number in 0..REQUESTS {
        let (name, address) = (
            format!("Resource {number}"),
            format!("r{number}.corp.example"),
        );
        let access = Access::request().period("2h");
        organisation = organisation
            .resource(Resource::new(&name, &address, access))
            .assign("Members", &[&name]);
    }
    organisation.text()
}

/// How often a controller is set up, until the kill comes amid the approvals: a quick one may have
/// answered them all by then.
const MAX_TRIES: usize = 5;

/// A controller that was killed amid the approvals.
struct KilledController {
    controller: Controller,
    members: Vec<Session>,
    reviewers: Vec<Session>,
    requests: Vec<RequestId>,
    /// Those whose approval was answered with success.
    answered: Vec<RequestId>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_amid_200_approvals_loses_nothing_that_was_answered() {
    let mut tries = 0;
    let KilledController {
        mut controller,
        members,
        reviewers,
        requests,
        answered,
    } = loop {
        let killed = KilledController::after(MIN_ANSWERED).await;
        if killed.answered.len() < REQUESTS {
            break killed;
        }
        tries += 1;
        assert!(
            tries < MAX_TRIES,
            "the kill came too late to be amid the approvals, {MAX_TRIES} times"
        );
    };
    assert!(
        answered.len() >= MIN_ANSWERED,
        "the kill came after {MIN_ANSWERED} answers"
    );

    controller.resume().await.unwrap();

    let audited = approvals_audited(&controller).await;
    let mut told = Vec::new();
    for member in members {
        told.extend(member.snapshot().await.unwrap().notices);
    }
    for id in requests {
        let request = reviewers[0].request(id).await.unwrap();
        let is_told = told
            .iter()
            .any(|notice| matches!(notice.what, What::Approved { request, .. } if request == id));
        let entries = audited.get(&id).copied().unwrap_or_default();
        match request.status {
            RequestStatus::Approved { .. } => {
                assert!(
                    request.grant.is_some(),
                    "an approval without its grant: {id}"
                );
                assert!(is_told, "an approval without its notice: {id}");
                assert_eq!(
                    entries, 1,
                    "an approval has one entry in the audit log: {id}"
                );
            }
            RequestStatus::Pending => {
                assert!(
                    !answered.contains(&id),
                    "answered with success, and lost: {id}"
                );
                assert!(
                    request.grant.is_none(),
                    "a grant without its approval: {id}"
                );
                assert!(!is_told, "a notice without its approval: {id}");
                assert_eq!(entries, 0, "an audit entry without its approval: {id}");
            }
            other @ (RequestStatus::Denied { .. }
            | RequestStatus::Cancelled { .. }
            | RequestStatus::Lapsed { .. }
            | RequestStatus::Unknown) => panic!("nobody did this: {other:?}"),
        }
    }
}

impl KilledController {
    /// Asks for every resource, approves all at once, and kills after so many answers.
    async fn after(answers: usize) -> Self {
        let mut controller = Controller::start(&organisation()).await.unwrap();
        let (mut members, mut reviewers) = (Vec::new(), Vec::new());
        for (member, reviewer) in MEMBERS.into_iter().zip(REVIEWERS) {
            members.push(session(&controller, member).await);
            reviewers.push(session(&controller, reviewer).await);
        }

        let mut asking = JoinSet::new();
        let resources = members[0].resources().await.unwrap();
        for (resource, member) in resources.into_iter().zip(members.iter().cycle()) {
            let member = member.clone();
            asking.spawn(async move { ask(&member, resource.id).await });
        }
        let requests = asking.join_all().await;
        assert_eq!(requests.len(), REQUESTS);

        let mut approving = JoinSet::new();
        for (id, reviewer) in requests.iter().copied().zip(reviewers.iter().cycle()) {
            let reviewer = reviewer.clone();
            approving.spawn(async move { (id, reviewer.approve(id, &Approve::default()).await) });
        }
        let mut answered = Vec::new();
        while let Some(answer) = approving.join_next().await {
            let (id, result) = answer.unwrap();
            if result.is_ok() {
                answered.push(id);
                if answered.len() == answers {
                    controller.kill().unwrap();
                }
            }
        }
        Self {
            controller,
            members,
            reviewers,
            requests,
            answered,
        }
    }
}

/// What is answered survives the loss of power too: the log is on the disk before a byte of the
/// answer leaves. Observed from outside, by strace.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_on_the_disk_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let mut controller = Controller::prepare(SAMPLE).await.unwrap();
    controller.wrap(&[
        "strace",
        "-I2",
        "-f",
        "-y",
        "-s",
        "64",
        "-e",
        "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg,read,recvfrom",
        "-o",
        trace.to_str().unwrap(),
    ]);
    controller.resume().await.unwrap();
    let ada = session(&controller, "ada").await;
    let marta = session(&controller, "marta").await;
    let resources = ada.resources().await.unwrap();
    let grafana = resources.iter().find(|it| it.name == "Grafana").unwrap();
    let id = ask(&ada, grafana.id).await;
    marta.approve(id, &Approve::default()).await.unwrap();
    // Sent TERM, strace ends what it watches and itself: -I2 lets it.
    controller.stop().await.unwrap();

    let trace = std::fs::read_to_string(trace).unwrap();
    let call = format!("\"POST /api/v1/requests/{id}/approve HTTP/1.1");
    let mut seen = Progress::Nothing;
    for event in events(&trace, &call) {
        seen = match (seen, event) {
            (Progress::Nothing, TraceEvent::Called(socket)) => Progress::Call(socket),
            (Progress::Call(socket) | Progress::Synced(socket), TraceEvent::LogWritten) => {
                Progress::Written(socket)
            }
            (Progress::Written(socket), TraceEvent::LogSynced) => Progress::Synced(socket),
            (Progress::Call(socket) | Progress::Written(socket), TraceEvent::Answered(other))
                if socket == other =>
            {
                panic!("answered before the log was written and synced\n{trace}")
            }
            (Progress::Synced(socket), TraceEvent::Answered(other)) if socket == other => {
                Progress::Answer
            }
            (seen, _) => seen,
        };
    }
    assert_eq!(seen, Progress::Answer, "{trace}");
}

/// Progress of the approval, with its socket.
#[derive(Debug, PartialEq)]
enum Progress<'a> {
    Nothing,
    Call(&'a str),
    Written(&'a str),
    Synced(&'a str),
    Answer,
}

#[derive(Debug)]
enum TraceEvent<'a> {
    /// The call was read from this socket.
    Called(&'a str),
    /// Bytes went to the write-ahead log.
    LogWritten,
    /// A sync of the write-ahead log returned with success.
    LogSynced,
    /// An answer of success was begun on this socket.
    Answered(&'a str),
}

/// The events of a trace: `PID call(FD<PATH>, …) = RESULT`, where another thread's call may come
/// between a call (`<unfinished ...>`) and its return (`<... call resumed>…`). What is read or
/// synced counts from its return, what is written from its beginning.
fn events<'a>(trace: &'a str, call: &str) -> Vec<TraceEvent<'a>> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        let is_return = rest.starts_with("<...");
        let is_whole = !is_return && !rest.contains("<unfinished");
        let first = if is_return {
            begun.remove(thread).unwrap_or(rest)
        } else {
            rest
        };
        if !is_return && !is_whole {
            begun.insert(thread, rest);
        }
        let Some((name, arguments)) = first.split_once('(') else {
            continue;
        };
        let file = arguments.split(['>', ',']).next().unwrap_or_default();
        let is_log = file.ends_with("hourkey.db-wal");
        match name {
            "read" | "recvfrom" if rest.contains(call) => events.push(TraceEvent::Called(file)),
            "fdatasync" | "fsync" if is_log && rest.ends_with("= 0") => {
                events.push(TraceEvent::LogSynced);
            }
            "pwrite64" | "write" if is_log && !is_return => events.push(TraceEvent::LogWritten),
            "write" | "writev" | "sendto" | "sendmsg"
                if !is_return && arguments.contains("\"HTTP/1.1 200") =>
            {
                events.push(TraceEvent::Answered(file));
            }
            _ => {}
        }
    }
    events
}

/// Opens a session of a user.
async fn session(controller: &Controller, login: &'static str) -> Session {
    let mut person = TestUser::new(controller, login).await.unwrap();
    person.session(controller).await.unwrap()
}

async fn ask(ada: &Session, resource: ResourceId) -> RequestId {
    let request = NewRequest {
        resource,
        assignment: None,
        reason: "for the test".to_owned(),
        seconds: None,
        starts_at: None,
        extends: false,
    };
    ada.ask(&request).await.unwrap().request.id
}

/// How many approvals the audit log has of each request.
async fn approvals_audited(controller: &Controller) -> BTreeMap<RequestId, usize> {
    let log = controller.run(&["audit", "--json"]).await.unwrap();
    let mut approvals = BTreeMap::new();
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        if entry["action"] == "request.approved" {
            let id = RequestId(entry["subject"]["request"].as_i64().unwrap());
            *approvals.entry(id).or_default() += 1;
        }
    }
    approvals
}
