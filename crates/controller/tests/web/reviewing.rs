//! The pages of those who review.

use chrono::TimeDelta;
use hourkey_access::identity::reset;
use hourkey_domain::review::Role;
use serde_json::json;

use crate::web::browser::{Browser, Site};

/// Ann asks for the database, for so many seconds.
async fn asked(site: &Site, seconds: u64) -> i64 {
    let env = &site.env;
    let body = json!({
        "resource": env.resources.database, "reason": "Latency <alert>", "seconds": seconds,
    });
    env.post(env.people.ann, "/requests", body).await.id()
}

#[tokio::test]
async fn the_queue_shows_what_is_needed_to_decide() {
    let site = Site::new().await;
    let request = asked(&site, 14_400).await;
    let rae = site.signed_in("rae").await;
    let page = rae.get("/review").await;
    page.says("Ann Member → Database just now Latency &lt;alert&gt;");
    page.says("Requests access for 4 hours · Approved now: until 04:00 UTC");
    page.says("first time in 30 days · Engineering · Expires");
    page.says("Approve 4 hours Shorter…");
    assert!(page.text.contains("1 waiting"), "{}", page.text);

    let before = site.seq().await;
    let address = format!("/review/{request}");
    let page = rae
        .post(&address, &[("do", "approve"), ("settled", "")])
        .await;
    assert_eq!(
        page.location(),
        format!("/review?done={request}#review-{request}")
    );
    let page = rae.get(page.location()).await;
    page.says("Requested access for 4 hours Engineering Approved for 4 hours");
    page.says("Ann Member → Database Open, 4 h left");
    page.says("Nothing waits for you.");
    assert_eq!(
        site.env.actions(before).await,
        ["request.approved by Rae Reviewer"]
    );
}

#[tokio::test]
async fn a_reviewer_shortens_and_never_lengthens() {
    let site = Site::new().await;
    let request = asked(&site, 14_400).await;
    let rae = site.signed_in("rae").await;
    let address = format!("/review/{request}");
    rae.get(&address)
        .await
        .says("Approve for 15 minutes 30 minutes 1 hour 2 hours Other…");
    let before = site.seq().await;
    for (length, other, words) in [
        (
            "other",
            "5h",
            "never lengthen: the request asks for 4 hours",
        ),
        ("other", "soon", "isn’t a length"),
        ("0", "", "1 minute at least"),
        ("", "", "Choose a length first"),
    ] {
        let fields = [
            ("do", "less"),
            ("length", length),
            ("other", other),
            ("comment", "Be <quick>"),
        ];
        let page = rae.post(&address, &fields).await;
        page.refuses(422, words);
        assert!(page.text.contains("Be &lt;quick&gt;"), "{}", page.text);
    }
    assert_eq!(site.seq().await, before);
    let fields = [("do", "less"), ("length", "1800"), ("comment", "Be quick")];
    assert_eq!(rae.post(&address, &fields).await.location(), address);
    rae.get(&address)
        .await
        .says("Open, 30 min left Be quick Rae Reviewer");
}

#[tokio::test]
async fn a_denial_needs_a_comment_and_the_requester_reads_it() {
    let site = Site::new().await;
    let request = asked(&site, 3_600).await;
    let rae = site.signed_in("rae").await;
    let address = format!("/review/{request}");
    rae.get(&address).await;
    let before = site.seq().await;
    for blank in ["", " \r\n ", "\u{200b}"] {
        let page = rae
            .post(&address, &[("do", "deny"), ("comment", blank)])
            .await;
        page.refuses(422, "a comment is needed");
    }
    assert_eq!(site.seq().await, before);
    let fields = [("do", "deny"), ("comment", "Use the replica.")];
    assert_eq!(rae.post(&address, &fields).await.location(), address);
    rae.get(&address)
        .await
        .says("Denied by Rae Reviewer just now");
    let ann = site.signed_in("ann").await;
    let page = ann.get(&format!("/requests/{request}")).await;
    page.says("Request for Database was denied Denied by Rae Reviewer just now Use the replica.");
    page.says("Request again");
    let decision = "Denied by Rae Reviewer: “Use the replica.” just now";
    ann.get("/access").await.says(decision);
    ann.get("/resources/2/request").await.says(decision);
}

#[tokio::test]
async fn the_second_of_two_reviewers_is_told_who_was_first() {
    let site = Site::new().await;
    let request = asked(&site, 3_600).await;
    let rae = site.signed_in("rae").await;
    let roy = site.signed_in("roy").await;
    let address = format!("/review/{request}");
    rae.get(&address).await;
    roy.get(&address).await;
    rae.post(&address, &[("do", "approve")]).await;
    let before = site.seq().await;
    let page = roy
        .post(&address, &[("do", "deny"), ("comment", "No")])
        .await;
    page.refuses(409, "Rae Reviewer approved it for 1 hour");
    page.says("Nothing was changed.");
    page.says("Open, 1 h left");
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn nobody_decides_their_own_request() {
    let site = Site::new().await;
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "Reports" });
    let own = env.post(env.people.rae, "/requests", body).await.id();
    let rae = site.signed_in("rae").await;
    let page = rae.get("/review").await;
    page.says("Nothing waits for you.");
    assert!(!page.words().contains("Approve"), "{}", page.words());
    let shown = rae.get(&format!("/review/{own}")).await;
    assert_eq!(shown.location(), format!("/requests/{own}"));
    assert!(
        !page.text.contains("1 waiting"),
        "it does not count as waiting for her"
    );
    let before = site.seq().await;
    for fields in [
        [("do", "approve"), ("comment", "")],
        [("do", "deny"), ("comment", "No")],
    ] {
        let page = rae.post(&format!("/review/{own}"), &fields).await;
        page.refuses(403, "nobody decides their own request");
    }
    assert_eq!(site.seq().await, before);
}

#[tokio::test]
async fn a_running_grant_is_revoked_with_a_comment() {
    let site = Site::new().await;
    let request = asked(&site, 3_600).await;
    let rae = site.signed_in("rae").await;
    let address = format!("/review/{request}");
    rae.get(&address).await;
    rae.post(&address, &[("do", "approve")]).await;
    let page = rae.get(&address).await;
    page.says("Revoke…");
    let grant = page.field("grant").unwrap();
    let revoke = async |comment: &str| {
        let fields = [
            ("do", "revoke"),
            ("grant", grant.as_str()),
            ("comment", comment),
        ];
        rae.post(&address, &fields).await
    };
    revoke("").await.refuses(422, "a comment is needed");
    assert_eq!(revoke("The alert is over.").await.location(), address);
    rae.get("/review")
        .await
        .says("Revoked by Rae Reviewer just now");
    let ann = site.signed_in("ann").await;
    let page = ann.get(&format!("/requests/{request}")).await;
    page.says("Database is locked again Revoked by Rae Reviewer just now The alert is over.");
    revoke("Again.")
        .await
        .refuses(409, "Revoked by Rae Reviewer");
}

#[tokio::test]
async fn a_resource_approver_reviews_that_resource_only() {
    let site = Site::new().await;
    let env = &site.env;
    let database = asked(&site, 3_600).await;
    let body = json!({ "resource": env.resources.vault, "reason": "Keys" });
    let vault = env.post(env.people.ann, "/requests", body).await.id();
    let dan = site.signed_in("dan").await;
    let page = dan.get("/review").await;
    page.says("Ann Member → Database");
    assert!(!page.words().contains("Vault"));
    assert_eq!(dan.get(&format!("/review/{vault}")).await.status, 404);
    let page = dan
        .post(&format!("/review/{vault}"), &[("do", "approve")])
        .await;
    assert_eq!(page.status, 404);
    let page = dan
        .post(&format!("/review/{database}"), &[("do", "approve")])
        .await;
    assert_eq!(page.location(), format!("/review/{database}"));

    let ann = site.signed_in("ann").await;
    ann.get("/review")
        .await
        .refuses(403, "You don’t review requests");
    let own = ann.get(&format!("/review/{vault}")).await;
    assert_eq!(own.location(), format!("/requests/{vault}"));
}

#[tokio::test]
async fn what_lapsed_says_so() {
    let site = Site::new().await;
    let request = asked(&site, 3_600).await;
    site.env.wait(TimeDelta::hours(24)).await;
    let rae = site.signed_in("rae").await;
    let address = format!("/review/{request}");
    rae.get(&address)
        .await
        .says("Expired just now : nobody answered");
    rae.post(&address, &[("do", "approve")])
        .await
        .refuses(409, "Nothing was changed");
    rae.get("/review").await.says("Expired just now");
}

#[tokio::test]
async fn one_request_stands_beside_the_queue_with_what_came_before() {
    let site = Site::new().await;
    let first = asked(&site, 3_600).await;
    let rae = site.signed_in("rae").await;
    let deny = [("do", "deny"), ("comment", "Use <the> copy")];
    rae.post(&format!("/review/{first}"), &deny).await;
    let second = asked(&site, 14_400).await;
    let address = format!("/review/{second}");
    let page = rae.get(&address).await;
    // The queue, the request, who may decide, and the denial before.
    page.says("Waiting 1 By Time Resource Person Ann Member Database 4 hours · expires tomorrow 00:00 UTC");
    page.says("Queue and history");
    page.says("Who may decide Rae Reviewer , Roy Reviewer , Dan Owner or Ada Admin");
    page.says("Earlier requests for it 1 hour, just now Denied by Rae Reviewer just now Use &lt;the&gt; copy Rae Reviewer");
    // Nothing that leads where a reviewer does not come.
    for never in ["href=\"/people/", "href=\"/resources/", "Ask to decide"] {
        assert!(!page.text.contains(never), "{never}");
    }
    // Dan reviews the database alone: of other things that she asked for he sees nothing.
    let vault = json!({ "resource": site.env.resources.vault, "reason": "Secret of the vault" });
    let hidden = site
        .env
        .post(site.env.people.ann, "/requests", vault)
        .await
        .id();
    let dan = site.signed_in("dan").await;
    let page = dan.get(&address).await;
    page.says("Waiting 1 By Time Resource Person Ann Member Database");
    assert!(!page.text.contains("Vault"), "{}", page.text);
    assert_eq!(dan.get(&format!("/review/{hidden}")).await.status, 404);
    // Who sees all finds the ways on.
    let ada = site.signed_in("ada").await;
    let page = ada.get(&address).await;
    let ann = format!("href=\"/people/{}\"", site.env.people.ann);
    assert!(page.text.contains(&ann), "{}", page.text);
}

#[tokio::test]
async fn an_administrator_asks_on_the_page_and_it_says_whom() {
    let site = Site::new().await;
    let request = asked(&site, 3_600).await;
    let address = format!("/review/{request}");
    let ada = site.signed_in("ada").await;
    let before = site.seq().await;
    for (logins, status) in [("nobody", 404), ("rae, ann", 404), (" , ", 400)] {
        let page = ada
            .post(&address, &[("do", "ask"), ("logins", logins)])
            .await;
        page.refuses(
            status,
            if status == 404 {
                "who may decide this"
            } else {
                "Name who"
            },
        );
        let kept = format!("name=\"logins\" value=\"{logins}\"");
        assert!(page.text.contains(&kept), "{}", page.text);
    }
    assert_eq!(site.seq().await, before);
    let fields = [("do", "ask"), ("logins", "rae, dan")];
    assert_eq!(ada.post(&address, &fields).await.location(), address);
    let roy = site.signed_in("roy").await;
    let page = roy.get(&address).await;
    page.says("Asked: Rae Reviewer , Dan Owner");
    let page = roy
        .post(&address, &[("do", "ask"), ("logins", "rae")])
        .await;
    assert_eq!(page.status, 403);
}

#[tokio::test]
async fn what_was_decided_is_shown_for_ninety_days_and_found_for_ever() {
    let site = Site::new().await;
    let request = asked(&site, 3_600).await;
    let rae = site.signed_in("rae").await;
    let deny = [("do", "deny"), ("comment", "No")];
    rae.post(&format!("/review/{request}"), &deny).await;
    let found = format!("id=\"decided-{request}\"");
    let shows = async |path: &str| {
        let rae = site.signed_in("rae").await;
        rae.get(path).await.text.contains(&found)
    };
    assert!(shows("/review").await);
    site.env.clock.forward(TimeDelta::days(90));
    assert!(shows("/review").await);
    site.env.clock.forward(TimeDelta::milliseconds(1));
    assert!(!shows("/review").await);
    for (words, is_found) in [
        ("ann+m", true),
        ("DATABASE", true),
        ("%3Calert", true),
        ("vault", false),
        ("%25", false),
    ] {
        assert_eq!(
            shows(&format!("/review?q={words}")).await,
            is_found,
            "{words}"
        );
    }
    // Nobody finds what they do not review.
    let vault = json!({ "resource": site.env.resources.vault, "reason": "Secret" });
    site.env.post(site.env.people.ann, "/requests", vault).await;
    let dan = site.signed_in("dan").await;
    let page = dan.get("/review?q=ann").await;
    assert!(
        page.text.contains(&found) && !page.text.contains("Secret"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn running_access_is_revoked_from_wherever_an_administrator_sees_it() {
    let site = Site::new().await;
    let request = asked(&site, 3_600).await;
    let ada = site.signed_in("ada").await;
    let address = format!("/review/{request}");
    ada.post(&address, &[("do", "approve")]).await;
    let (person, resource) = (site.env.people.ann, site.env.resources.database);
    let way = format!("href=\"{address}?act=revoke\"");
    for page in [
        format!("/people/{person}"),
        format!("/resources/{resource}"),
        "/requests".to_owned(),
    ] {
        let page = ada.get(&page).await;
        assert!(page.text.contains(&way), "{}", page.text);
    }
    // An auditor sees it, and revokes nothing.
    let aud = site.signed_in("aud").await;
    let page = aud.get(&format!("/people/{person}")).await;
    assert!(!page.text.contains("act=revoke"), "{}", page.text);
    let page = ada.get(&format!("{address}?act=revoke")).await;
    let open = format!("id=\"revoke-panel-{request}\" name=\"act-{request}\" open");
    assert!(page.text.contains(&open), "{}", page.text);
}

/// Rule 6: whoever may approve may revoke, and is shown the way to wherever they see the access.
#[tokio::test]
async fn an_auditor_who_may_approve_it_is_shown_the_way_to_revoke() {
    let site = Site::new().await;
    let env = &site.env;
    let (ann, aud, dan) = (env.people.ann, env.people.aud, env.people.dan);
    let mut requests = Vec::new();
    for resource in [env.resources.database, env.resources.vault] {
        let body = json!({ "resource": resource, "reason": "An alert" });
        let id = env.post(ann, "/requests", body).await.id();
        let approve = format!("/requests/{id}/approve");
        let approved = env.post(env.people.roy, &approve, json!({})).await;
        assert_eq!(approved.status, 200);
        requests.push((id, resource));
    }
    // Those whose access they are shown the way to revoke.
    let ways = async || {
        let browser = site.signed_in("aud").await;
        let mut ways = Vec::new();
        for (id, resource) in &requests {
            let way = format!("/review/{id}?act=revoke");
            let mut shown = Vec::new();
            for page in [
                format!("/people/{ann}"),
                format!("/resources/{resource}"),
                "/requests".to_owned(),
            ] {
                let link = format!("href=\"{way}\"");
                shown.push(browser.get(&page).await.text.contains(&link));
            }
            assert!(shown.windows(2).all(|two| two[0] == two[1]), "{shown:?}");
            let leads = browser.get(&way).await.text.contains("Revoke now");
            assert_eq!(leads, shown[0], "{way}");
            ways.push(leads);
        }
        ways
    };
    assert_eq!(ways().await, [false, false]);
    env.change(move |tx| {
        Box::pin(async move {
            let owners = tx.organisation().await?.groups;
            let owners = owners.into_iter().find(|group| group.members == [dan]);
            let mut owners = owners.unwrap();
            owners.members.push(aud);
            tx.update_group(owners).await?;
            Ok(())
        })
    })
    .await;
    assert_eq!(ways().await, [true, false]);
    env.change(move |tx| {
        Box::pin(async move {
            let mut user = tx.user(aud).await?.unwrap();
            user.roles = vec![Role::Auditor, Role::AccessReviewer];
            tx.update_user(user).await?;
            Ok(())
        })
    })
    .await;
    assert_eq!(ways().await, [true, true]);
}

/// The cards stand in the order of the list beside them, which says what it groups.
#[tokio::test]
async fn the_cards_are_ordered_as_the_list_groups_them() {
    let site = Site::new().await;
    let env = &site.env;
    let (ann, rae) = (env.people.ann, env.people.rae);
    let (database, vault) = (env.resources.database, env.resources.vault);
    let mut ids = Vec::new();
    for (person, resource) in [(ann, database), (rae, vault), (rae, database), (ann, vault)] {
        let body = json!({ "resource": resource, "reason": "An alert" });
        ids.push(env.post(person, "/requests", body).await.id());
    }
    let roy = site.signed_in("roy").await;
    for (path, order) in [
        ("/review", [0, 1, 2, 3]),
        ("/review?by=resource", [0, 2, 1, 3]),
        ("/review?by=person", [0, 3, 1, 2]),
    ] {
        let page = roy.get(path).await;
        let expected = order.map(|nth| ids[nth].to_string());
        for id in ["id=\"waits-", "id=\"review-"] {
            let found = page.text.split(id).skip(1);
            let found: Vec<_> = found.filter_map(|rest| rest.split('"').next()).collect();
            let requests = found.into_iter().filter(|id| id.parse::<i64>().is_ok());
            assert_eq!(requests.collect::<Vec<_>>(), expected, "{path}: {id}");
        }
    }
    let page = roy.get("/review?by=person").await;
    for (id, name) in [(ann, "Ann Member"), (rae, "Rae Reviewer")] {
        let heading = format!("id=\"waits-by-{id}\"><bdi>{name}</bdi>");
        assert!(page.text.contains(&heading), "{}", page.text);
        let list = format!("<ul aria-labelledby=\"waits-by-{id}\">");
        assert!(page.text.contains(&list), "{}", page.text);
    }
    // What is decided keeps its place among them.
    let fields = [("do", "approve"), ("settled", ""), ("by", "resource")];
    let done = roy.post(&format!("/review/{}", ids[2]), &fields).await;
    let page = roy.get(done.location()).await;
    let cards = page.text.split("id=\"review-").skip(1);
    let cards: Vec<_> = cards.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(cards, [0, 2, 1, 3].map(|nth| ids[nth].to_string()));
}

/// Looking through what was decided stays there, with the queue grouped as it was.
#[tokio::test]
async fn looking_through_what_was_decided_keeps_its_place_and_the_grouping() {
    let site = Site::new().await;
    let rae = site.signed_in("rae").await;
    let deny = json!({ "comment": "No" });
    for _ in 0..51 {
        let id = asked(&site, 3_600).await;
        let path = format!("/requests/{id}/deny");
        let denied = site
            .env
            .post(site.env.people.roy, &path, deny.clone())
            .await;
        assert_eq!(denied.status, 200, "{}", denied.text);
        site.env.clock.forward(TimeDelta::minutes(1));
    }
    let rae_sees = async |path: &str| {
        let page = rae.get(path).await;
        let (_, decided) = page.text.split_once("<section id=\"decided\"").unwrap();
        decided.to_owned()
    };
    for (grouping, field) in [("", ""), ("by=person", "name=\"by\" value=\"person\"")] {
        let decided = rae_sees(&format!("/review?{grouping}")).await;
        assert!(decided.contains("action=\"/review#decided\""), "{decided}");
        assert!(decided.contains(field), "{decided}");
        let older = decided.split("class=\"pager\"").nth(1).unwrap();
        let older = older.split("href=\"").nth(1).unwrap();
        let older = older.split('"').next().unwrap().replace("&amp;", "&");
        assert!(older.contains(grouping), "{older}");
        assert!(older.ends_with("#decided"), "{older}");
        let (older, _) = older.split_once('#').unwrap();
        let page = rae_sees(older).await;
        assert!(page.contains("Denied"), "{page}");
        let latest = match grouping {
            "" => "href=\"/review#decided\"".to_owned(),
            grouping => format!("href=\"/review?{grouping}#decided\""),
        };
        // Past the oldest one, and where nothing matches.
        let end = rae_sees(&format!("/review?{grouping}&before=1")).await;
        assert!(end.contains("Nothing more here."), "{end}");
        assert!(!end.contains("Nothing was decided"), "{end}");
        assert!(end.contains(&latest), "{end}");
        let none = rae_sees(&format!("/review?{grouping}&q=nowhere")).await;
        assert!(none.contains("Nothing that was decided matches."), "{none}");
        assert!(none.contains(&latest), "{none}");
    }
}

/// What another reviewer has to decide is no work of theirs: the queue says the number that its page in the
/// navigation does.
#[tokio::test]
async fn the_queue_counts_what_one_may_decide() {
    let site = Site::new().await;
    let env = &site.env;
    let (ada, rae, engineering) = (env.people.ada, env.people.rae, env.assignments.engineering);
    env.change(move |tx| {
        Box::pin(async move {
            let mut group = tx.group(engineering).await?.unwrap();
            group.members.push(ada);
            Ok(tx.update_group(group).await?)
        })
    })
    .await;
    asked(&site, 3_600).await;
    let browser = site.signed_in("rae").await;
    browser.get("/review").await.says("Waiting 1 By");
    reset::hand(&env.app, ada, rae).await.unwrap();
    let body = json!({ "resource": env.resources.database, "reason": "Mine" });
    env.post(ada, "/requests", body).await.id();
    let browser = site.signed_in("rae").await;
    let page = browser.get("/review").await;
    page.says("Waiting 1 · 1 for others By");
    assert!(page.text.contains("1 waiting"), "{}", page.text);
}

#[tokio::test]
async fn nothing_shorter_than_the_shortest_is_offered() {
    let site = Site::new().await;
    let request = asked(&site, 60).await;
    let rae = site.signed_in("rae").await;
    let page = rae.get(&format!("/review/{request}")).await;
    page.says("Approve 1 minute Deny…");
    assert!(!page.words().contains("Shorter"), "{}", page.words());
}

/// Several requests for one resource are listed first; each is decided for itself, and what changed meanwhile
/// is said of it alone.
#[tokio::test]
async fn several_for_one_resource_are_decided_after_a_list() {
    let site = Site::new().await;
    let env = &site.env;
    let ask = async |person, resource| {
        let body = json!({ "resource": resource, "reason": "An alert" });
        env.post(person, "/requests", body).await.id()
    };
    let (anns, bens) = (
        ask(env.people.ann, env.resources.database).await,
        ask(env.people.ben, env.resources.database).await,
    );
    let vault = ask(env.people.ann, env.resources.vault).await;
    let rae = site.signed_in("rae").await;
    let queue = rae.get("/review?by=resource").await;
    for id in [anns, bens] {
        assert!(
            queue
                .text
                .contains(&format!("name=\"request\" value=\"{id}\"")),
            "{id}"
        );
    }
    let path = format!("/review/several?request={anns}&request={bens}");
    let page = rae.get(&path).await;
    page.says("Decide several requests for Database");
    page.says("Ann Member");
    page.says("Ben Oncall");
    page.says("Approve 2 requests");

    // Without a word nobody is denied.
    let ben = site.signed_in("ben").await;
    let before = site.seq().await;
    let listed = [anns, bens].map(|id| id.to_string());
    let send = async |who: &Browser<'_>, path: &str, what: &str, comment: &str| {
        let mut fields = vec![("do", what), ("comment", comment)];
        fields.extend(listed.iter().map(|id| ("listed", id.as_str())));
        who.post(path, &fields).await
    };
    for id in &listed {
        let field = format!("name=\"listed\" value=\"{id}\"");
        assert!(page.text.contains(&field), "{id}");
    }
    let refused = send(&rae, &path, "deny", " ").await;
    assert_eq!(refused.status, 422, "{}", refused.words());
    // Not across resources, and not what is not theirs.
    let mixed = format!("/review/several?request={anns}&request={vault}");
    assert_eq!(send(&rae, &mixed, "approve", "").await.status, 400);
    assert_eq!(send(&ben, &path, "approve", "").await.status, 404);
    // Nothing is decided that was not listed to be, nor without a choice.
    let unlisted = rae.post(&path, &[("do", "approve")]).await;
    assert_eq!(unlisted.status, 400, "{}", unlisted.words());
    for (path, words) in [
        ("/review/several".to_owned(), "No request is chosen."),
        (
            format!(
                "/review/several?{}",
                (1..=21)
                    .map(|id| format!("request={id}&"))
                    .collect::<String>()
            ),
            "21 requests are chosen, and 20 can be decided at once.",
        ),
    ] {
        let page = rae.get(&path).await;
        page.refuses(422, words);
        assert!(page.text.contains("href=\"/review?by=resource\""));
    }
    assert_eq!(site.seq().await, before, "nothing was decided");

    // Somebody else denies one meanwhile: the other is approved, and both are told of.
    let deny = json!({ "comment": "Not you" });
    let denied = env
        .post(env.people.roy, &format!("/requests/{bens}/deny"), deny)
        .await;
    assert_eq!(denied.status, 200);
    let done = send(&rae, &path, "approve", "Both").await;
    assert_eq!(done.status, 409);
    done.says("1 of 2 were decided");
    done.says("Roy Reviewer denied it.");
    let state = async |id: i64, person| {
        let shown = env.get(person, &format!("/requests/{id}")).await.json();
        shown["status"]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(anns, env.people.ann).await, "approved");
    assert_eq!(state(bens, env.people.ben).await, "denied");
    assert_eq!(state(vault, env.people.ann).await, "pending");
}

/// Whoever decides more than a minute allows is told how many were decided, and when the rest can be.
#[tokio::test]
async fn several_are_decided_as_far_as_the_minute_allows() {
    let site = Site::new().await;
    let env = &site.env;
    let mut ids = Vec::new();
    for person in [env.people.ann, env.people.ben] {
        let body = json!({ "resource": env.resources.database, "reason": "An alert" });
        ids.push(env.post(person, "/requests", body).await.id().to_string());
    }
    let rae = site.signed_in("rae").await;
    // One change is left of the minute's thirty.
    for _ in 0..29 {
        let deny = json!({ "comment": " " });
        env.post(env.people.rae, &format!("/requests/{}/deny", ids[0]), deny)
            .await;
    }
    let path = format!("/review/several?request={}&request={}", ids[0], ids[1]);
    let fields = [
        ("do", "approve"),
        ("comment", "Go"),
        ("listed", &ids[0]),
        ("listed", &ids[1]),
    ];
    let told = rae.post(&path, &fields).await;
    told.refuses(429, "1 of 2 were decided");
    told.says("Approve 1 request");
    told.says("Go");
}

/// teleport#43555, #63228: whoever decides reads when access would start and end, and what kind it is.
#[tokio::test]
async fn a_scheduled_start_is_said_to_whoever_decides() {
    let site = Site::new().await;
    let env = &site.env;
    let body = json!({ "resource": env.resources.database, "reason": "Tonight", "seconds": 3_600,
        "starts_at": "2030-01-01T06:00:00Z" });
    let id = env.post(env.people.ann, "/requests", body).await.id();
    let rae = site.signed_in("rae").await;
    for path in ["/review".to_owned(), format!("/review/{id}")] {
        let page = rae.get(&path).await;
        page.says("Requests access for 1 hour");
        page.says("06:00");
        page.says("07:00");
    }
}
