//! The pages of those who ask: their access, the request page, and what became of a request.

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use serde_json::json;

use crate::web::browser::{Browser, Site};

/// Asks on the request page and returns the address of the request.
async fn ask(browser: &Browser<'_>, resource: i64, fields: &[(&str, &str)]) -> String {
    let path = format!("/resources/{resource}/request");
    let page = browser.get(&path).await;
    let key = page.field("key").unwrap();
    // Of several assignments, the first of the page is the suggested one. What stands first counts.
    let assignment = page.field("assignment").unwrap();
    let fields = [
        fields,
        &[("key", key.as_str()), ("assignment", &assignment)],
    ]
    .concat();
    browser.post(&path, &fields).await.location().to_owned()
}

#[tokio::test]
async fn the_request_page_names_the_terms() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let page = ann.get("/resources/2/request").await;
    page.says("Request access to Database database.corp:5432");
    page.says(
        "Through group Engineering Approval By Rae Reviewer , Roy Reviewer , \
         Dan Owner or Ada Admin Time You choose, up to 8 hours",
    );
    page.says("For how long? 1 hour 4 hours 8 hours Other…");
    page.says("Signed in as Ann Member . Time starts when your request is approved. Send request");
    let page = ann.get("/resources/3/request").await;
    page.says(
        "Approval Opens immediately. Your reason is recorded. Time You choose, up to 4 hours",
    );
    page.says("Time starts immediately. Open it now");
    let page = ann.get("/resources/4/request").await;
    page.says("Approval By Rae Reviewer , Roy Reviewer or Ada Admin Time 1 hour");
    assert!(
        !page.words().contains("For how long?"),
        "a preset is not chosen"
    );
    ann.get("/resources/1/request").await.says("Wiki is open");
}

#[tokio::test]
async fn of_several_ways_the_suggested_one_is_named_with_the_reason() {
    let site = Site::new().await;
    let ben = site.signed_in("ben").await;
    let page = ben.get("/resources/4/request").await;
    page.says(
        "On call Opens immediately with a reason, up to 2 hours Suggested: it opens immediately",
    );
    page.says("Engineering Needs approval, 1 hour");
    page.says("Can approve Rae Reviewer , Roy Reviewer or Ada Admin");
    let (on_call, engineering) = (
        site.env.assignments.vault_on_call.0,
        site.env.assignments.vault.0,
    );
    let checked = format!("name=\"assignment\" value=\"{on_call}\" checked");
    assert!(page.text.contains(&checked), "{}", page.text);

    // The other one can be chosen.
    let assignment = engineering.to_string();
    let location = ask(&ben, 4, &[("assignment", &assignment)]).await;
    let page = ben.get(&location).await;
    page.says("Waiting for a reviewer");
    page.says("Through group Engineering Requested 1 hour");
    page.says("Can approve Rae Reviewer , Roy Reviewer or Ada Admin");
}

#[tokio::test]
async fn a_request_waits_is_approved_and_opens() {
    let site = Site::new().await;
    let env = &site.env;
    let ann = site.signed_in("ann").await;
    let fields = [
        ("reason", "Latency alert\r\nfrom 14:05"),
        ("length-2", "14400"),
    ];
    let location = ask(&ann, 2, &fields).await;
    let page = ann.get(&location).await;
    page.says("Waiting for a reviewer");
    page.says(
        "Requested 4 hours Open Until 04:00 UTC if approved now Can approve Rae Reviewer , Roy Reviewer , Dan Owner or Ada Admin \
         Expires tomorrow 00:00 UTC if nobody answers",
    );
    assert!(
        page.text.contains("Latency alert\nfrom 14:05"),
        "line ends as typed"
    );
    // Asking again shows what is there.
    assert_eq!(
        ann.get("/resources/2/request?as=ann").await.location(),
        format!("{location}?as=ann")
    );
    ann.get("/access")
        .await
        .says("Waiting 1 Database Requested just now");

    let id: i64 = location.rsplit('/').next().unwrap().parse().unwrap();
    let body = json!({ "seconds": 2700, "comment": "Only <b>reading</b>, please." });
    env.post(env.people.rae, &format!("/requests/{id}/approve"), body)
        .await;
    site.env.clock.forward(TimeDelta::minutes(3));
    let page = ann.get(&location).await;
    page.says("Database is open Open, 42 min left");
    page.says("Only &lt;b&gt;reading&lt;/b&gt;, please. Rae Reviewer");
    page.says("Decision Approved by Rae Reviewer for 45 minutes");
    ann.get("/access").await.says("Database 42 min left");

    site.env.wait(TimeDelta::minutes(42)).await;
    ann.get(&location)
        .await
        .says("Database is locked again Ended just now");
}

#[tokio::test]
async fn without_scripts_only_the_page_that_one_waits_on_reloads_itself() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let waiting = ask(&ann, 2, &[("reason", "Reports")]).await;
    let open = ask(&ann, 3, &[("reason", "Error 500")]).await;
    let reloads = async |path: &str| ann.get(path).await.text.contains("http-equiv=\"refresh\"");
    assert!(reloads(&waiting).await);
    // Reloading would take what is typed, and the focus.
    for path in [
        &open,
        "/access",
        "/devices",
        "/sessions",
        "/resources/4/request",
    ] {
        assert!(!reloads(path).await, "{path}");
    }
}

#[tokio::test]
async fn an_automatic_resource_opens_at_once_and_is_given_back() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let location = ask(&ann, 3, &[("reason", "Error 500"), ("length-3", "3600")]).await;
    let page = ann.get(&location).await;
    page.says("Logs is open Open, 1 h left");
    assert!(
        page.text.contains("href=\"https://logs.corp"),
        "{}",
        page.text
    );
    let grant = page.field("grant").unwrap();
    let fields = [("do", "release"), ("grant", grant.as_str())];
    assert_eq!(ann.post(&location, &fields).await.location(), location);
    ann.get(&location)
        .await
        .says("Logs is locked again Given back just now");
    ann.post(&location, &fields)
        .await
        .refuses(409, "Logs is locked again");
    // On the list, what has ended needs no complaint.
    assert_eq!(ann.post("/access", &fields).await.location(), "/access");
}

#[tokio::test]
async fn mistakes_are_named_and_what_was_typed_is_kept() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    ann.get("/resources/3/request").await;
    let before = site.seq().await;
    let long = "x".repeat(2001);
    for (reason, length, other, status, words) in [
        (
            "\u{200b} \n\u{2800}",
            "3600",
            "",
            422,
            "Say why you need it",
        ),
        (long.as_str(), "3600", "", 422, "at most 2,000"),
        (
            "Error <500>",
            "other",
            "",
            422,
            "write a length as 45m, 2h, 1h 30m or 3 days",
        ),
        ("Error <500>", "other", "soon", 422, "“soon” isn’t a length"),
        ("Error <500>", "other", "0m", 422, "1 minute at least"),
        ("Error <500>", "other", "-5m", 422, "isn’t a length"),
        (
            "Error <500>",
            "other",
            "8d",
            422,
            "At most 4 hours can be asked for here",
        ),
        (
            "Error <500>",
            "other",
            "366 days",
            422,
            "longer than access can last anywhere",
        ),
        (
            "Error <500>",
            "other",
            "99999999999999999999h",
            422,
            "longer than access can last anywhere",
        ),
        (
            "Error <500>",
            "other",
            "5h",
            422,
            "At most 4 hours can be asked for here",
        ),
        ("Error <500>", "59", "", 422, "1 minute at least"),
        ("Error <500>", "x", "", 422, "isn’t a length"),
    ] {
        let fields = [
            ("assignment", "3"),
            ("reason", reason),
            ("length-3", length),
            ("other-3", other),
        ];
        let page = ann.post("/resources/3/request", &fields).await;
        page.refuses(status, words);
        let kept = reason.replace('<', "&lt;").replace('>', "&gt;");
        assert!(page.text.contains(&kept), "{}", page.text);
        assert!(
            page.text.contains(&format!("value=\"{other}\"")),
            "{}",
            page.text
        );
    }
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_double_click_asks_once() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let page = ann.get("/resources/3/request").await;
    let key = page.field("key").unwrap();
    let send = async |reason: &str| {
        let fields = [
            ("key", key.as_str()),
            ("assignment", "3"),
            ("reason", reason),
        ];
        ann.post("/resources/3/request", &fields)
            .await
            .location()
            .to_owned()
    };
    let before = site.seq().await;
    let (one, other) = futures_util::join!(send("Error 500"), send("Error 500"));
    assert_eq!(one, other);
    let actions = site.env.actions(before).await;
    assert_eq!(
        actions
            .iter()
            .filter(|action| action.starts_with("request.made"))
            .count(),
        1
    );
    // Even after it was given back, the same click does not open it again.
    let page = ann.get(&one).await;
    let grant = page.field("grant").unwrap();
    ann.post(&one, &[("do", "release"), ("grant", &grant)])
        .await;
    assert_eq!(send("Error 500").await, one);
    ann.get(&one).await.says("locked again");
    // Other words from the same page are another request.
    assert_ne!(send("Error 501").await, one);
}

#[tokio::test]
async fn what_one_may_not_see_looks_like_what_does_not_exist() {
    let site = Site::new().await;
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    let request = env.post(env.people.ben, "/requests", body).await.id();
    let eve = site.signed_in("eve").await;
    let unknown = eve.get("/resources/99/request").await;
    assert_eq!(unknown.status, 404);
    for path in [
        "/resources/2/request".to_owned(),
        "/resources/5/request".to_owned(),
        format!("/requests/{request}"),
        format!("/review/{request}"),
        "/requests/99999".to_owned(),
        "/nowhere".to_owned(),
    ] {
        let page = eve.get(&path).await;
        assert_eq!(
            (page.status.as_u16(), &page.text),
            (404, &unknown.text),
            "{path}"
        );
    }
    let before = site.seq().await;
    for path in [
        "/resources/2/request",
        "/resources/5/request",
        "/resources/99/request",
    ] {
        let page = eve
            .post(path, &[("assignment", "2"), ("reason", "Please")])
            .await;
        assert_eq!(
            (page.status.as_u16(), &page.text),
            (404, &unknown.text),
            "{path}"
        );
    }
    let page = eve
        .post(&format!("/requests/{request}"), &[("do", "cancel")])
        .await;
    assert_eq!((page.status.as_u16(), &page.text), (404, &unknown.text));
    assert_eq!(site.seq().await, before);
    eve.get("/access")
        .await
        .says("You don’t have any resources yet");
}

#[tokio::test]
async fn cancelling_is_for_the_requester() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    let location = ask(&ann, 2, &[("reason", "Reports")]).await;
    let rae = site.signed_in("rae").await;
    rae.post(&location, &[("do", "cancel")]).await;
    ann.get(&location).await.says("Waiting for a reviewer");
    assert_eq!(
        ann.post(&location, &[("do", "cancel")]).await.location(),
        location
    );
    ann.get(&location)
        .await
        .says("Request for Database was cancelled Cancelled by Ann Member just now");
    ann.post(&location, &[("do", "cancel")])
        .await
        .refuses(409, "Nothing was changed");
}

#[tokio::test]
async fn resources_are_found_by_name_address_and_tag() {
    let site = Site::new().await;
    let ann = site.signed_in("ann").await;
    ann.get("/access?q=DATA").await.says("Locked 1 Database");
    ann.get("/access?q=logs.corp").await.says("Locked 1 Logs");
    ann.get("/access?q=nothing")
        .await
        .says("Nothing matches this search");
    let page = ann.get("/access?q=%22%3E%3Cscript%3E").await;
    assert!(
        page.text.contains("value=\"&quot;&gt;&lt;script&gt;\""),
        "{}",
        page.text
    );
    assert_eq!(ann.get("/access?page=99999999999999").await.status, 200);
}

#[tokio::test]
async fn hostile_names_and_reasons_are_shown_harmlessly() {
    let site = Site::new().await;
    let id = site.env.resources.logs;
    site.env
        .change(move |tx| {
            Box::pin(async move {
                let mut logs = tx.resource(id).await?.unwrap().0;
                logs.name = "<img src=x onerror=alert(1)>\u{202e}sgol\u{2069}".to_owned();
                logs.url = Some("javascript:alert(1)".to_owned());
                Ok(tx.update_resource(logs).await?)
            })
        })
        .await;
    let ann = site.signed_in("ann").await;
    let reason = "</p><script>alert(1)</script> https://evil.example \u{202e}txt";
    let location = ask(&ann, 3, &[("reason", reason)]).await;
    for path in ["/access", location.as_str()] {
        let page = ann.get(path).await;
        assert!(!page.text.contains("<img"), "{}", page.text);
        assert!(!page.text.contains("<script>"), "{}", page.text);
        assert!(!page.text.contains("href=\"javascript:"), "{}", page.text);
        assert!(!page.text.contains("href=\"https://evil"), "{}", page.text);
        assert!(
            page.text.contains("&lt;img src=x onerror=alert(1)&gt;"),
            "{}",
            page.text
        );
    }
    let page = ann.get(&location).await;
    let kept = "&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt; https://evil.example";
    assert!(page.text.contains(kept), "{}", page.text);
    // Kept as typed, and shown without what would turn its words around.
    assert!(page.text.contains("evil.example txt"), "{}", page.text);
}

#[tokio::test]
async fn a_page_is_told_of_what_concerns_its_person_and_of_nothing_else() {
    let site = Site::new().await;
    let env = &site.env;
    hourkey_access::background::start(&site.app);
    let ann = site.signed_in("ann").await;
    let response = ann.open("/live").await;
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let control = &response.headers()["cache-control"];
    assert_eq!(control, "no-cache, no-transform");
    let mut stream = response.into_body().into_data_stream();
    let mut next = async || {
        let bytes = stream.next().await?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    };
    assert_eq!(
        next().await.unwrap(),
        "data: changed\n\n",
        "at once, for what was missed"
    );
    // Ben's affairs come first, and are not Ann's.
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    env.post(env.people.ben, "/requests", body.clone()).await;
    env.post(env.people.ann, "/requests", body).await;
    assert_eq!(next().await.unwrap(), "data: changed\n\n");
    let other = site.signed_in("ann").await;
    assert_eq!(
        next().await.unwrap(),
        "data: changed\n\n",
        "a new session of hers"
    );
    other.post("/sessions", &[("do", "end-others")]).await;
    assert_eq!(next().await.unwrap(), "data: ended\n\n");
    assert_eq!(next().await, None);
    assert!(
        site.browser()
            .get("/live")
            .await
            .location()
            .starts_with("/sign-in")
    );
}
