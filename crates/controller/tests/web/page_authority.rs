//! Who sees which page, and whose form is taken: each route for browsers, for each person, with what
//! is their own, what is somebody else's, and what does not exist (rules 1 and 6).

use std::collections::BTreeSet;

use crate::web::browser::{Browser, Page, Site};
use crate::web::page_routes::routes;
use crate::web::page_targets::{Ids, Target, made};

/// Who calls, in order of the table's columns: nobody who is signed in; Ann, whose it is; Ben, of the
/// same groups and more; Dan, who approves for the database alone; Rae, an access reviewer; Ada, an
/// administrator; Eve, who sees nothing; Ola, an operator; Aud, an auditor.
const CALLERS: [&str; 9] = ["", "ann", "ben", "dan", "rae", "ada", "eve", "ola", "aud"];

/// A route, the rest of its address and the fields of its form, and what each caller gets:
///
/// | word | answer |
/// |---|---|
/// | `ok` | the page |
/// | `did` | the form was taken, and something was recorded |
/// | `new` | the form was taken, and the page shows what came of it |
/// | `go` | sent to another page, nothing was recorded |
/// | `in` | sent to sign in, nothing was recorded |
/// | `no` | forbidden, nothing was recorded |
/// | `--` | not found, nothing was recorded |
/// | a number | this status, nothing was recorded |
struct Row {
    route: &'static str,
    query: &'static str,
    form: &'static str,
    target: Target,
    outcomes: &'static str,
}

impl Row {
    fn names_target(&self) -> bool {
        let names = [self.route, self.query, self.form].concat();
        ["{id}", "{grant}", "{login}", "{code}"]
            .iter()
            .any(|name| names.contains(name))
    }
}

/// The query of the page on which several requests are decided.
const SEVERAL: &str = "?request={id}";

/// The query of the page on which a client is let in.
pub(crate) const AUTHORIZE: &str = "?response_type=code&client_id=hourkey-cli&code_challenge_method=S256&\
    redirect_uri=http://127.0.0.1:4000/callback&\
    code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[rustfmt::skip]
fn table() -> Vec<Row> {
    let row = |route, form, target, outcomes| Row { route, query: "", form, target, outcomes };
    let asked = |query, row: Row| Row { query, ..row };
    use Target::{
        Ann, AnnRunning, Assignment, Caller, Database, Device, Gateway, Grant, Group, Host, Network, Payroll, Person, Request, Running,
        Session, VaultGrant, VaultRequest,
    };
    vec![
        //                                                             out  ann  ben  dan  rae  ada  eve  ola  aud
        row("GET /", "", Caller,                                      "go   go   go   go   go   go   go   go   go"),
        row("GET /static/{name}", "", Caller,                         "ok   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("GET /sign-in", "", Caller,                               "ok   go   go   go   go   go   go   go   go"),
        row("POST /sign-in", "login=ann&password={password}", Caller, "did  did  did  did  did  did  did  did  did"),
        row("POST /sign-out", "", Caller,                             "in   did  did  did  did  did  did  did  did"),
        row("GET /setup", "", Caller,                                 "go   go   go   go   go   go   go   go   go"),
        row("POST /setup", "code=x&password={password}", Caller,      "no   no   no   no   no   no   no   no   no"),
        row("GET /reset", "", Caller,                                 "ok   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /reset", "code=x&password={password}&again={password}", Caller, "no no no no no no no no no"),
        row("GET /live", "", Caller,                                  "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        // Whose it is and who is asked for it.
        row("GET /jump", "", Caller,                                  "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("GET /access", "", Caller,                                "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /access", "do=cancel&request={id}", Request,        "in   did  --   no   no   no   --   --   --"),
        row("POST /access", "do=cancel&request={id}", VaultRequest,   "in   did  --   --   no   no   --   --   --"),
        row("POST /access", "do=release&grant={grant}", Grant,        "in   did  --   no   no   no   --   --   --"),
        row("POST /access", "do=release&grant={grant}", VaultGrant,   "in   did  --   --   no   no   --   --   --"),
        row("GET /my-requests", "", Caller,                           "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /my-requests", "do=cancel&request={id}", Request,   "in   did  --   no   no   no   --   --   --"),
        row("POST /my-requests", "do=cancel&request={id}", VaultRequest, "in did  --   --   no   no   --   --   --"),
        // Who reviews a request is sent to its page of reviewing.
        row("GET /requests/{id}", "", Request,                        "in   ok   --   go   go   go   --   --   ok"),
        row("GET /requests/{id}", "", VaultRequest,                   "in   ok   --   --   go   go   --   --   ok"),
        row("POST /requests/{id}", "do=cancel", Request,              "in   did  --   go   go   go   --   --   --"),
        row("POST /requests/{id}", "do=cancel", VaultRequest,         "in   did  --   --   go   go   --   --   --"),
        row("POST /requests/{id}", "do=release&grant={grant}", Grant, "in   did  --   go   go   go   --   --   --"),
        row("POST /requests/{id}", "do=release&grant={grant}", VaultGrant, "in did --  --   go   go   --   --   --"),
        row("GET /review", "", Caller,                                "in   no   no   ok   ok   ok   no   no   no"),
        row("GET /review/deputy", "", Caller,                         "in   no   no   ok   ok   ok   no   no   ok"),
        row("POST /review/deputy", "do=check&login=roy&until=2030-01-15T12:00", Caller, "in no no ok ok ok no no no"),
        row("POST /review/deputy", "do=name&login=roy&until=2030-01-15T12:00&shown= roy  2030-01-15T12:00", Caller, "in no no did did did no no no"),
        row("GET /review/{id}", "", Request,                          "in   go   --   ok   ok   ok   --   --   --"),
        row("GET /review/{id}", "", VaultRequest,                     "in   go   --   --   ok   ok   --   --   --"),
        row("POST /review/{id}", "do=approve", Request,               "in   no   --   did  did  did  --   --   --"),
        row("POST /review/{id}", "do=approve", VaultRequest,          "in   no   --   --   did  did  --   --   --"),
        row("POST /review/{id}", "do=deny&comment=No", Request,       "in   no   --   did  did  did  --   --   --"),
        row("POST /review/{id}", "do=deny&comment=No", VaultRequest,  "in   no   --   --   did  did  --   --   --"),
        row("POST /review/{id}", "do=revoke&grant={grant}&comment=No", Grant, "in no -- did did did -- -- --"),
        row("POST /review/{id}", "do=revoke&grant={grant}&comment=No", VaultGrant, "in no -- -- did did -- -- --"),
        asked(SEVERAL, row("GET /review/several", "", Request,        "in   --   --   ok   ok   ok   --   --   --")),
        asked(SEVERAL, row("GET /review/several", "", VaultRequest,   "in   --   --   --   ok   ok   --   --   --")),
        asked(SEVERAL, row("POST /review/several", "do=approve&listed={id}", Request, "in -- -- did did did -- -- --")),
        asked(SEVERAL, row("POST /review/several", "do=approve&listed={id}", VaultRequest, "in -- -- -- did did -- -- --")),
        asked(SEVERAL, row("POST /review/several", "do=deny&comment=No&listed={id}", VaultRequest, "in -- -- -- did did -- -- --")),
        row("GET /resources/{id}/request", "", Database,              "in   ok   ok   --   ok   --   --   --   --"),
        row("GET /resources/{id}/request", "", Payroll,               "in   --   --   --   --   --   --   --   --"),
        row("POST /resources/{id}/request", "reason=Work", Database,  "in   did  did  --   did  --   --   --   --"),
        row("POST /resources/{id}/request", "reason=Work", Payroll,   "in   --   --   --   --   --   --   --   --"),
        // Who has nothing running is sent to the request page.
        row("GET /resources/{id}/extend", "", Running,                "in   ok   go   --   go   --   --   --   --"),
        row("GET /resources/{id}/extend", "", Payroll,                "in   --   --   --   --   --   --   --   --"),
        row("POST /resources/{id}/extend", "reason=Work&length=14400", Running, "in did 409 -- 409 -- -- -- --"),
        row("POST /resources/{id}/extend", "reason=Work", Payroll,    "in   --   --   --   --   --   --   --   --"),
        row("GET /devices", "", Caller,                               "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /devices", "do=end&device={id}", Device,            "in   did  --   --   --   did  --   --   --"),
        row("GET /sessions", "", Caller,                              "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /sessions", "do=end&session={id}", Session,         "in   did  --   --   --   --   --   --   --"),
        // Each their own: Ann has another one.
        row("POST /sessions", "do=end-others", Session,               "in   did  go   go   go   go   go   go   go"),
        asked("?login={login}", row("GET /unlock", "", Person,        "in   no   no   no   no   ok   no   no   no")),
        row("POST /unlock", "login={login}&resource={id}", Person,    "in   no   no   no   no   did  no   no   no"),
        // Who types a host's code lets it in, or puts the question to themselves.
        row("GET /device", "", Caller,                                "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /device", "code={code}&decision=allow", Host,       "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        asked(AUTHORIZE, row("GET /oauth/authorize", "", Caller,      "in   ok   ok   ok   ok   ok   ok   ok   ok")),
        asked(AUTHORIZE, row("POST /oauth/authorize", "decision=allow", Caller, "in go go go go go go go go")),
        // How things are set up, for those who see it, and everybody's access, for those who see all.
        row("GET /overview", "", Caller,                              "in   no   no   no   no   ok   no   no   ok"),
        row("GET /resources", "", Caller,                             "in   no   no   no   no   ok   no   ok   ok"),
        row("GET /resources/{id}", "", Database,                      "in   --   --   --   --   ok   --   ok   ok"),
        row("GET /resources/new", "", Caller,                         "in   --   --   --   --   ok   --   ok   --"),
        row("POST /resources/new", "name=x", Caller,                  "in   --   --   --   --   422  --   422  --"),
        row("GET /resources/{id}/edit", "", Database,                 "in   --   --   --   --   ok   --   ok   --"),
        row("POST /resources/{id}/edit", "do=remove", Database,       "in   --   --   --   --   409  --   409  --"),
        row("GET /resources/{id}/groups", "", Database,               "in   --   --   --   --   ok   --   ok   --"),
        row("POST /resources/{id}/groups", "group=1", Database,       "in   --   --   --   --   409  --   409  --"),
        row("GET /groups/new", "", Caller,                            "in   --   --   --   --   ok   --   --   --"),
        row("POST /groups/new", "name=x", Caller,                     "in   --   --   --   --   409  --   --   --"),
        row("GET /groups/{id}/edit", "", Group,                       "in   --   --   --   --   ok   --   --   --"),
        row("POST /groups/{id}/edit", "do=remove", Group,             "in   --   --   --   --   409  --   --   --"),
        row("GET /networks/new", "", Caller,                          "in   --   --   --   --   ok   --   ok   --"),
        row("POST /networks/new", "name=x", Caller,                   "in   --   --   --   --   409  --   409  --"),
        row("GET /resources/{id}/settings", "", Database,             "in   --   --   --   --   ok   --   ok   --"),
        row("POST /resources/{id}/settings", "mode=standing", Database, "in --  --   --   --   409  --   409  --"),
        row("GET /assignments/{id}", "", Assignment,                  "in   --   --   --   --   ok   --   ok   --"),
        row("POST /assignments/{id}", "mode=standing", Assignment,    "in   --   --   --   --   409  --   409  --"),
        row("GET /resources/{id}/summary.csv", "", Database,          "in   --   --   --   --   new  --   --   new"),
        row("GET /resources/{id}/summary.xlsx", "", Database,         "in   --   --   --   --   new  --   --   new"),
        row("GET /people", "", Caller,                                "in   no   no   no   no   ok   no   no   ok"),
        row("GET /people/{id}", "", Ann,                              "in   --   --   --   --   ok   --   --   ok"),
        row("GET /people/{id}/summary.csv", "", Ann,                  "in   --   --   --   --   new  --   --   new"),
        row("GET /people/{id}/summary.xlsx", "", Ann,                 "in   --   --   --   --   new  --   --   new"),
        row("GET /people/new", "", Caller,                            "in   --   --   --   --   ok   --   --   --"),
        row("POST /people/new", "lines=x,,x", Caller,                 "in   --   --   --   --   409  --   --   --"),
        row("GET /people/{id}/edit", "", Ann,                         "in   --   --   --   --   ok   --   --   --"),
        row("POST /people/{id}/edit", "do=remove", Ann,               "in   --   --   --   --   409  --   --   --"),
        row("GET /people/{id}/view", "", Ann,                         "in   --   --   --   --   ok   --   --   ok"),
        row("GET /people/{id}/link", "", Ann,                         "in   --   --   --   --   ok   --   --   --"),
        row("POST /people/{id}/link", "", Ann,                        "in   --   --   --   --   new  --   --   no"),
        row("GET /people/{id}/revoke", "", Ann,                       "in   --   --   --   --   ok   --   --   --"),
        row("POST /people/{id}/revoke", "newest={grant}&comment=No", AnnRunning, "in -- -- -- -- did -- -- --"),
        row("GET /resources/{id}/revoke", "", Database,               "in   --   --   --   --   ok   --   --   --"),
        row("POST /resources/{id}/revoke", "newest={grant}&comment=No", Running, "in -- -- -- -- did -- -- --"),
        row("GET /settings", "", Caller,                              "in   --   --   --   --   ok   --   --   --"),
        row("POST /settings", "name=x&offered=1h&longest=1h", Caller, "in   --   --   --   --   409  --   --   --"),
        // What serves the networks.
        row("GET /gateways", "", Caller,                              "in   no   no   no   no   ok   no   ok   ok"),
        row("GET /gateways/{id}", "", Gateway,                        "in   --   --   --   --   ok   --   ok   ok"),
        row("POST /gateways/{id}", "do=command", Gateway,             "in   --   --   --   --   new  --   new  no"),
        row("POST /gateways/{id}", "do=remove&typed_name=gw-1", Gateway, "in   --   --   --   --   did  --   did  no"),
        row("GET /networks/{id}/gateways", "", Network,               "in   --   --   --   --   ok   --   ok   --"),
        row("POST /networks/{id}/gateways", "name=x&address=x:1", Network, "in -- --  --   --   new  --   new  --"),
        row("GET /networks/{id}/edit", "", Network,                   "in   --   --   --   --   ok   --   ok   --"),
        row("POST /networks/{id}/edit", "do=remove", Network,         "in   --   --   --   --   409  --   409  --"),
        // How mail is sent: administrators set it, auditors read it. Each chooses for themselves.
        row("GET /settings/mail", "", Caller,                         "in   --   --   --   --   ok   --   --   ok"),
        row("POST /settings/mail", "do=save&host=localhost&port=25&security=clear&sender=h@corp.example", Caller, "in -- -- -- -- did -- -- no"),
        row("POST /settings/mail", "do=off", Caller,                  "in   --   --   --   --   go   --   --   no"),
        row("POST /settings/mail", "do=test", Caller,                 "in   --   --   --   --   ok   --   --   no"),
        row("POST /settings/mail", "do=retry-all", Caller,            "in   --   --   --   --   go   --   --   no"),
        row("POST /settings/mail", "do=discard&mail=1", Caller,       "in   --   --   --   --   go   --   --   no"),
        row("POST /settings/mail", "do=nothing", Caller,              "in   --   --   --   --   400  --   --   400"),
        row("GET /mail", "", Caller,                                  "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /mail", "approved=on", Caller,                      "in   did  did  did  did  did  did  did  did"),
        // Each their own account; who must have a second factor, and whose is reset.
        row("GET /account", "", Caller,                               "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /account", "do=set-up", Caller,                     "in   ok   ok   ok   ok   ok   ok   ok   ok"),
        row("POST /account", "do=turn-off&code=123456", Caller,       "in   401  401  401  401  401  401  401  401"),
        row("GET /settings/sign-in", "", Caller,                      "in   --   --   --   --   ok   --   --   ok"),
        row("POST /settings/sign-in", "seen=none&two-step=roles", Caller, "in -- --  --   --   did  --   --   no"),
        row("GET /people/{id}/two-step", "", Ann,                     "in   --   --   --   --   ok   --   --   --"),
        row("POST /people/{id}/two-step", "", Ann,                    "in   --   --   --   --   409  --   --   --"),
        row("GET /groups", "", Caller,                                "in   no   no   no   no   ok   no   ok   ok"),
        row("GET /groups/{id}", "", Group,                            "in   --   --   --   --   ok   --   ok   ok"),
        row("GET /groups/{id}/summary.csv", "", Group,                "in   --   --   --   --   new  --   --   new"),
        row("GET /groups/{id}/summary.xlsx", "", Group,               "in   --   --   --   --   new  --   --   new"),
        row("GET /requests", "", Caller,                              "in   no   no   no   no   ok   no   no   ok"),
        row("GET /requests.csv", "", Caller,                           "in   --   --   --   --   new  --   --   new"),
        asked("?resource={id}", row("GET /explain", "", Database,     "in   ok   ok   --   ok   ok   --   --   ok")),
        asked("?resource={id}&user=ann", row("GET /explain", "", Database, "in ok --  ok   ok   ok   --   --   ok")),
    ]
}

/// Calls of clients: they take neither cookies nor forms of pages. `oauth` and `device` are about them.
const OF_CLIENTS: [&str; 4] = [
    "GET METADATA_PATH",
    "POST /oauth/token",
    "POST /oauth/revoke",
    "POST /oauth/device_authorization",
];

#[test]
fn each_route_for_browsers_has_a_row() {
    let rows = table();
    let mut known: BTreeSet<String> = OF_CLIENTS.map(str::to_owned).into();
    known.extend(rows.iter().map(|row| row.route.to_owned()));
    assert_eq!(known, routes());
}

#[tokio::test]
async fn each_page_says_what_each_person_may_do_with_what_is_whose() {
    let mut wrong = Vec::new();
    for row in table() {
        let expected: Vec<_> = row.outcomes.split_whitespace().collect();
        assert_eq!(expected.len(), CALLERS.len(), "{}", row.route);
        let mut unchanged = None;
        for (caller, expected) in CALLERS.into_iter().zip(expected) {
            let (site, ids) = match unchanged.take() {
                Some(unchanged) => unchanged,
                None => {
                    let site = Site::with(|config| config.device_flow = true).await;
                    let ids = made(&site, row.target).await;
                    (site, ids)
                }
            };
            let what = format!(
                "{} {} on {:?} by {caller:?}",
                row.route, row.form, row.target
            );
            let browser = opened(&site, caller).await;
            // What does not exist first: it changes nothing.
            let unknown = match row.names_target() {
                true => Some(act(&site, &browser, &row, &Ids::unknown()).await),
                false => None,
            };
            let known = act(&site, &browser, &row, &ids).await;
            if known.outcome != expected {
                wrong.push(format!("{what}: {}, not {expected}", known.outcome));
            }
            if let Some(unknown) = unknown {
                let missing = if caller.is_empty() { "in" } else { "--" };
                if row.target.is_by_id() && unknown.outcome != missing {
                    wrong.push(format!("{what}: {} for no such thing", unknown.outcome));
                }
                let hides = ["--", "in"].contains(&expected);
                let hides = hides || (row.target == Target::Person && expected == "no");
                if hides && known.bytes != unknown.bytes {
                    let (known, unknown) = (known.bytes, unknown.bytes);
                    wrong.push(format!("{what}: {known}\nwhere unknown: {unknown}"));
                }
            }
            let changed = !["--", "in", "no", "go"].contains(&&*known.outcome);
            if row.route.starts_with("GET") || !changed {
                unchanged = Some((site, ids));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A browser in which this person is signed in, with the token of its forms.
async fn opened<'a>(site: &'a Site, login: &str) -> Browser<'a> {
    let browser = site.browser();
    match login {
        "" => {
            browser.get("/sign-in").await;
        }
        login => browser.sign_in(login).await,
    }
    browser
}

/// What a caller gets.
struct Answer {
    outcome: String,
    /// All of it but ids in its own address.
    bytes: String,
}

async fn act(site: &Site, browser: &Browser<'_>, row: &Row, ids: &Ids) -> Answer {
    let (method, path) = row.route.split_once(' ').unwrap();
    let path = ids.fill(&format!("{path}{}", row.query));
    let before = site.seq().await;
    let page = match method {
        "GET" if path == "/live" && !browser.cookies().contains_key("hourkey") => {
            browser.get(&path).await
        }
        "GET" if path == "/live" => {
            let status = browser.open(&path).await.status();
            assert_eq!(status, 200);
            let outcome = "ok".to_owned();
            return Answer {
                outcome,
                bytes: String::new(),
            };
        }
        "GET" => browser.get(&path).await,
        _ => {
            let form = ids.fill(row.form);
            let fields = form.split('&').filter_map(|field| field.split_once('='));
            browser.post(&path, &fields.collect::<Vec<_>>()).await
        }
    };
    let recorded = site.seq().await != before;
    // As a page of signing in keeps it.
    let form = ids.fill(row.form).replace('&', "&amp;");
    let bytes = format!("{} {:?}\n{}", page.status, headers(&page), page.text);
    Answer {
        outcome: outcome(&page, recorded),
        bytes: bytes
            .replace(&quoted(&path), "(its address)")
            .replace(&path, "(its address)")
            .replace(&format!("\"{form}\""), "(its form)")
            // What was asked stands in its field.
            .replace(&ids.fill("name=\"resource\" value=\"{id}\""), "(its field)"),
    }
}

fn outcome(page: &Page, recorded: bool) -> String {
    let location = page.header("location");
    let word = match (page.status.as_u16(), recorded) {
        (303, false) if location.starts_with("/sign-in?") => "in",
        (303, true) => "did",
        (303, false) => "go",
        (403, false) if page.text.contains("id=\"sign-in\"") => "in",
        (200, false) => "ok",
        (200, true) => "new",
        (403, false) => "no",
        (404, false) => "--",
        (status, false) => return status.to_string(),
        (status, true) => return format!("{status}, and something was recorded"),
    };
    word.to_owned()
}

/// As in the query of another address.
fn quoted(path: &str) -> String {
    url::form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

/// All but the number of the call, and the length, which the ids change.
fn headers(page: &Page) -> Vec<(&str, &str)> {
    let names = page.headers.keys().map(|name| name.as_str());
    let names = names.filter(|name| !["x-request-id", "content-length"].contains(name));
    names.map(|name| (name, page.header(name))).collect()
}
