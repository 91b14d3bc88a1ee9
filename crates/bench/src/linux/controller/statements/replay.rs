//! The statements of the controller's writer, as its log names them, with values that fit.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hourkey_protocol::access::{Approve, Request};
use hourkey_testkit::controller::Controller;

use super::{Build, Call, fill, request};
use crate::linux::controller::calls::Connection;
use crate::linux::controller::data::{ADMINISTRATOR, Data, Value, now_ms};

/// So many works share a commit at most, as in the store.
pub(crate) const GROUP: usize = 64;

/// So many requests and approvals are logged.
const SAMPLES: i64 = 5;

/// Until what one of them has begun is done.
const REST: Duration = Duration::from_millis(300);

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Approval,
}

/// The statements of one request and of one approval, in their order, and rows that these wrote.
pub(crate) struct Statements {
    request: Vec<Statement>,
    approval: Vec<Statement>,
    sample: Sample,
}

/// A statement with the columns that its parameters stand for.
struct Statement {
    sql: &'static str,
    table: String,
    columns: Vec<String>,
}

/// What was written as text.
struct Sample {
    terms: String,
    subject: String,
    requested: String,
    approved: String,
    granted: String,
    please_review: String,
    told: String,
}

impl Statements {
    /// Lets a controller log the statements of a few requests and approvals, and takes those of the one
    /// that made the fewest: the first does more, and others read now and then.
    pub(crate) async fn of(build: &Build) -> Result<Self> {
        let mut controller = build.controller().await?;
        controller.set("RUST_LOG", "sqlx::query=debug");
        let mut data = fill(&controller).await?;
        let calls: Vec<Call> = (0..SAMPLES).map(Call::number).collect();
        let askers = data.sign_in(calls.iter().map(|call| call.user)).await?;
        let reviewers = data.sign_in(calls.iter().map(|call| call.reviewer)).await?;
        controller.resume().await?;
        let mut connection = Connection::open(&controller).await?;
        let (mut requests, mut approvals) = (Vec::new(), Vec::new());
        for ((call, asker), reviewer) in calls.iter().zip(&askers).zip(&reviewers) {
            tokio::time::sleep(REST).await;
            let before = controller.log().len();
            let wanted = request(call.resource);
            let asked = connection.post::<Request>("/requests", asker, &wanted);
            let id = asked.await?.0.id;
            requests.push(of_writer(&controller.log()[before..])?);
            tokio::time::sleep(REST).await;
            let before = controller.log().len();
            let path = format!("/requests/{id}/approve");
            let approve = Approve::default();
            connection
                .post::<Request>(&path, reviewer, &approve)
                .await?;
            approvals.push(of_writer(&controller.log()[before..])?);
        }
        let sample = Sample {
            terms: data.text("SELECT terms FROM requests LIMIT 1").await?,
            subject: data.text("SELECT subject FROM change_log LIMIT 1").await?,
            requested: data
                .text("SELECT detail FROM audit ORDER BY seq LIMIT 1")
                .await?,
            approved: data.text("SELECT detail FROM requests LIMIT 1").await?,
            granted: data.text("SELECT detail FROM grants LIMIT 1").await?,
            please_review: data
                .text("SELECT what FROM notices ORDER BY id LIMIT 1")
                .await?,
            told: data
                .text("SELECT what FROM notices ORDER BY id DESC LIMIT 1")
                .await?,
        };
        Ok(Self {
            request: fewest(requests)?,
            approval: fewest(approvals)?,
            sample,
        })
    }
}

fn fewest(works: Vec<Vec<String>>) -> Result<Vec<Statement>> {
    let work = works.into_iter().min_by_key(Vec::len);
    let work = work.context("statements were logged")?;
    work.into_iter().map(Statement::new).collect()
}

/// What the log tells of one work.
fn of_writer(log: &str) -> Result<Vec<String>> {
    let all = log.lines().filter_map(logged);
    let work = all.skip_while(|sql| sql != "SAVEPOINT work").skip(1);
    let work: Vec<String> = work.take_while(|sql| sql != "RELEASE work").collect();
    ensure!(work.len() > 10, "the log tells too little: {log}");
    Ok(work)
}

/// The statement of a line of the log: it stands there if it is longer than its summary.
fn logged(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("sqlx::query: summary=\"")?;
    let (summary, rest) = rest.split_once("\" db.statement=\"")?;
    let (whole, _) = rest.split_once("\" rows_affected=")?;
    let whole = whole.replace("\\n", " ");
    Some(match whole.trim() {
        "" => summary.to_owned(),
        whole => whole.to_owned(),
    })
}

impl Statement {
    fn new(sql: String) -> Result<Self> {
        let words: Vec<&str> = sql.split([' ', '(', ')', ',', ';']).collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let place = words
            .iter()
            .position(|it| matches!(*it, "FROM" | "INTO" | "UPDATE"));
        let table = words
            .get(place.context("a table")? + 1)
            .context("a table")?;
        let table = (*table).to_owned();
        let columns = if sql.starts_with("INSERT") {
            let (_, rest) = sql.split_once('(').context("columns")?;
            let (columns, values) = rest.split_once(')').context("columns")?;
            // Values that are no parameters of their own come last.
            let columns = columns.split(',').take(parameters(values));
            columns.map(|it| it.trim().to_owned()).collect()
        } else {
            compared(&words)
        };
        // There are some forty, for as long as the program runs.
        let sql = sql.leak();
        Ok(Self {
            sql,
            table,
            columns,
        })
    }
}

/// How many parameters there are; numbered ones may come twice.
fn parameters(values: &str) -> usize {
    let all = values.split('?').skip(1).map(|after| {
        let end = after.find(|letter: char| !letter.is_ascii_digit());
        &after[..end.unwrap_or(after.len())]
    });
    let numbers = all.clone().filter_map(|number| number.parse().ok());
    numbers.max().unwrap_or(all.count())
}

/// The columns that stand before `= ?`; those of numbered parameters once.
fn compared(words: &[&str]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for three in words.windows(3) {
        let [column, "=", parameter] = three else {
            continue;
        };
        let Some(number) = parameter.strip_prefix('?') else {
            continue;
        };
        if number
            .parse()
            .is_ok_and(|number: usize| number <= columns.len())
        {
            continue;
        }
        let column = column.rsplit('.').next().unwrap_or(column);
        columns.push(column.to_owned());
    }
    columns
}

/// Runs the statements in a database of their own.
pub(crate) struct Replay {
    data: Data,
    statements: Statements,
    approved: i64,
}

impl Replay {
    pub(crate) async fn of(controller: &mut Controller, statements: Statements) -> Result<Self> {
        let data = fill(controller).await?;
        Ok(Self {
            data,
            statements,
            approved: 0,
        })
    }

    /// Does it all, and returns how long that took.
    pub(crate) async fn all(&mut self, kind: Kind, calls: &[Call]) -> Result<Duration> {
        let begin = Instant::now();
        for group in calls.chunks(GROUP) {
            self.data.raw("BEGIN IMMEDIATE").await?;
            for call in group {
                self.data.raw("SAVEPOINT work").await?;
                self.one(kind, *call).await?;
                self.data.raw("RELEASE work").await?;
            }
            self.data
                .bound("SELECT max(seq) AS seq FROM audit", Vec::new())
                .await?;
            self.data.raw("COMMIT").await?;
        }
        Ok(begin.elapsed())
    }

    async fn one(&mut self, kind: Kind, call: Call) -> Result<()> {
        let Self {
            data,
            statements,
            approved,
        } = self;
        let list = match kind {
            Kind::Request => &statements.request,
            Kind::Approval => &statements.approval,
        };
        // They were made in this order.
        *approved += i64::from(kind == Kind::Approval);
        let mut made = Made {
            kind,
            call,
            request: *approved,
            seq: 0,
            notice: 0,
            told: 0,
        };
        for statement in list {
            let columns = statement.columns.iter();
            let values = columns.map(|it| made.value(statement, it, &statements.sample));
            let id = data
                .bound(statement.sql, values.collect::<Result<_>>()?)
                .await?;
            made.note(statement, id);
        }
        Ok(())
    }
}

/// What a work has made so far.
struct Made {
    kind: Kind,
    call: Call,
    request: i64,
    seq: i64,
    notice: i64,
    /// How many people were told.
    told: usize,
}

impl Made {
    fn note(&mut self, statement: &Statement, id: i64) {
        if !statement.sql.starts_with("INSERT") {
            return;
        }
        match &*statement.table {
            "requests" => self.request = id,
            "audit" => self.seq = id,
            "notices" => (self.notice, self.told) = (id, self.told + 1),
            _ => {}
        }
    }

    fn value(&self, statement: &Statement, column: &str, sample: &Sample) -> Result<Value> {
        let Call {
            user,
            resource,
            reviewer,
        } = self.call;
        let asks = self.kind == Kind::Request;
        let actor = if asks { user } else { reviewer };
        let at = now_ms();
        let text = |text: &str| Value::Text(text.to_owned());
        let number = Value::Number;
        Ok(match (&*statement.table, column) {
            ("users" | "memberships", "id" | "user_id") => number(actor),
            ("groups", "id") => number(1),
            // What is read of resources has their approvers in it, which are named first.
            ("resources" | "approvers", "id") => number(resource),
            ("requests", "id") => number(self.request),
            (_, "request_id") => number(self.request),
            ("notices", "id") => number(self.notice),
            ("notices", "user_id") if !asks => number(user),
            ("notices", "user_id") => number([ADMINISTRATOR, reviewer][self.told.min(1)]),
            (_, "requester_id" | "user_id") => number(user),
            // The first assignments are those of everybody, in order.
            (_, "resource_id" | "assignment_id") => number(resource),
            (_, "seq") => number(self.seq),
            (_, "actor") => number(actor),
            (_, "at" | "created_at" | "ended_at") if statement.table != "grants" => number(at),
            ("requests", "lapses_at") => number(at + 86_400_000),
            ("requests", "terms") => {
                let own = format!("\"assignment\":{resource}");
                Value::Text(sample.terms.replace("\"assignment\":1", &own))
            }
            ("requests", "asked_seconds") => number(3_600),
            ("requests", "starts_at") | ("grants", "ended_at" | "revoked_by") => Value::Nothing,
            ("requests", "reason") => text("To measure"),
            ("requests", "state") if asks => text("pending"),
            ("requests", "detail") if asks => text("{\"state\":\"pending\"}"),
            ("requests", "state") => text("approved"),
            ("requests", "detail") => text(&sample.approved),
            ("grants", "starts_at") => number(at),
            ("grants", "expires_at") => number(at + 3_600_000),
            ("grants", "state") => text("active"),
            ("grants", "detail") => text(&sample.granted),
            ("audit" | "change_log", "subject") => text(&sample.subject),
            ("audit", "action") if asks => text("request.made"),
            ("audit", "action") => text("request.approved"),
            ("audit", "detail") => text(&sample.requested),
            ("notices", "resource_name") => text("Resource 1"),
            ("notices", "what") if asks => text(&sample.please_review),
            ("notices", "what") => text(&sample.told),
            (table, column) => bail!(
                "the benchmark does not know what {column} of {table} is in {:?}",
                statement.sql
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(sql: &str) -> (String, Vec<String>) {
        let Statement { table, columns, .. } = Statement::new(sql.to_owned()).unwrap();
        (table, columns)
    }

    #[test]
    fn statements_are_found_in_the_log_whole() {
        let long = r#"DEBUG sqlx::query: summary="SELECT login, name FROM …" db.statement="\n\nSELECT login,\n name FROM users WHERE id = ?\n" rows_affected=0"#;
        let found = logged(long).unwrap();
        assert_eq!(found, "SELECT login,  name FROM users WHERE id = ?");
        let short = r#"DEBUG sqlx::query: summary="RELEASE work" db.statement="" rows_affected=1"#;
        assert_eq!(logged(short).unwrap(), "RELEASE work");
        assert_eq!(logged("INFO hourkey_controller: listening"), None);
    }

    #[test]
    fn parameters_stand_for_columns() {
        let sql =
            "INSERT INTO a (b, c, d) VALUES (?1, ?2, coalesce((SELECT e FROM f WHERE g = ?2), ''))";
        assert_eq!(
            columns(sql),
            ("a".to_owned(), vec!["b".to_owned(), "c".to_owned()])
        );
        let sql = "INSERT INTO a (b, c) VALUES (?, ?)";
        assert_eq!(columns(sql).1, ["b", "c"]);
        let sql = "SELECT a FROM b x WHERE x.c = ? AND d = 1 AND (e = ? OR f = g)";
        assert_eq!(
            columns(sql),
            ("b".to_owned(), vec!["c".to_owned(), "e".to_owned()])
        );
        let sql = "SELECT a FROM b WHERE c = ?1 AND d = ?2 UNION SELECT a FROM e WHERE c = ?1";
        assert_eq!(columns(sql).1, ["c", "d"]);
        let sql = "UPDATE a SET b = ?, c = ? WHERE d = ?";
        assert_eq!(
            columns(sql),
            ("a".to_owned(), ["b", "c", "d"].map(str::to_owned).to_vec())
        );
    }
}
