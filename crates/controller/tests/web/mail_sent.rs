//! Mails: who gets which, what stands in them, and what can never come into them.

use chrono::TimeDelta;
use hourkey_domain::ids::UserId;
use hourkey_domain::review::Role;
use hourkey_domain::settings::Mode;
use hourkey_store::organisation::User;
use serde_json::json;

use crate::web::mail_env::MailEnv;
use crate::web::two_step::Phone;

/// How many review Ann's request for the database: Dan, Rae, Roy and Ada.
const REVIEWERS: usize = 4;

/// Decisions wait this long, for undo.
const UNDO: TimeDelta = TimeDelta::seconds(10);

async fn change_user(env: &MailEnv, id: UserId, change: fn(&mut User)) {
    env.site
        .env
        .change(move |tx| {
            Box::pin(async move {
                let mut user = tx.user(id).await?.unwrap();
                change(&mut user);
                Ok(tx.update_user(user).await?)
            })
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_are_asked_with_reason_and_link_and_looking_decides_nothing() {
    let env = MailEnv::new().await;
    let request = env
        .ask("To mend <b>it</b>\nsee https://evil.example/?a&b")
        .await;
    let mail = env.mail_of("rae", REVIEWERS).await;
    assert_eq!(mail.header("subject"), "Ann Member asks for Database");
    assert_eq!(mail.header("from"), "Hourkey <hourkey@corp.example>");
    assert_eq!(mail.header("to"), "Rae Reviewer <rae@corp.example>");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("reply-to"), "");
    assert!(mail.header("message-id").ends_with("@127.0.0.1>"));
    assert_eq!(mail.sender, "hourkey@corp.example");
    assert_eq!(
        mail.parts,
        ["multipart/alternative", "text/plain", "text/html"]
    );
    let link = format!("http://127.0.0.1:8080/review/{request}?as=rae");
    for said in [
        "Ann Member asks for Database for 1 hour.",
        "expires on 2030-01-02 00:00 UTC if nobody answers",
        "> To mend <b>it</b>\n> see https://evil.example/?a&b",
        &link,
        "Sent by Hourkey for Example",
        "http://127.0.0.1:8080/mail?as=rae",
    ] {
        assert!(mail.text.contains(said), "{said}\n{}", mail.text);
    }
    assert!(
        mail.html.contains("To mend &lt;b&gt;it&lt;/b&gt;"),
        "{}",
        mail.html
    );
    assert!(mail.html.contains("https://evil.example/?a&amp;b"));
    // Nothing is loaded, and nothing leads anywhere but here.
    for never in ["<img", "<script", "<link", "src=", "url("] {
        assert!(!mail.html.contains(never), "{never}");
    }
    let links = mail.html.matches("href=\"http://127.0.0.1:8080/").count();
    assert_eq!(links, mail.html.matches("href=").count());

    let rae = env.site.signed_in("rae").await;
    let before = env.site.seq().await;
    for _ in 0..2 {
        let page = rae.get(&format!("/review/{request}?as=rae")).await;
        assert_eq!(page.status, 200);
        page.says("Ann Member");
    }
    assert_eq!(env.site.seq().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn requesters_are_told_what_became_of_it_after_the_time_to_undo() {
    let env = MailEnv::new().await;
    let people = env.site.env.people;
    // Reviewers' mails do not matter here: their addresses are gone.
    for user in [people.rae, people.roy, people.dan, people.ada] {
        change_user(&env, user, |user| user.email = None).await;
    }
    let act = async |user, path: String, word: &str| {
        let answer = env
            .site
            .env
            .post(user, &path, json!({ "comment": word }))
            .await;
        assert!(answer.status.is_success(), "{answer}");
    };
    let of_ben = env.ask_as(people.ben, "Work").await;
    let grant_of_ben = env.approve(of_ben).await;
    env.forward(UNDO);
    env.mail_of("ben", 1).await;
    let request = env.ask("Work").await;
    let grant = env.approve(request).await;
    env.forward(UNDO - TimeDelta::seconds(1));
    // Ben’s is sent at once, and would come after Ann’s: hers may still be undone.
    act(
        people.rae,
        format!("/grants/{grant_of_ben}/revoke"),
        "Enough",
    )
    .await;
    assert_eq!(env.mails_of("ben", 2).await.len(), 2);
    env.queue(1, 0).await;
    env.forward(TimeDelta::seconds(1));
    let mail = env.mail_of("ann", 3).await;
    assert_eq!(mail.header("subject"), "Database is open");
    assert!(
        mail.text.contains("Approved by Rae Reviewer for 1 hour."),
        "{}",
        mail.text
    );
    assert!(
        mail.text.contains("Access ends on 2030-01-01 01:00 UTC."),
        "{}",
        mail.text
    );
    assert!(
        mail.text.contains(&format!("/requests/{request}?as=ann")),
        "{}",
        mail.text
    );

    act(
        people.rae,
        format!("/grants/{grant}/revoke"),
        "Use the copy",
    )
    .await;
    let mail = env.mails_of("ann", 4).await.remove(1);
    assert_eq!(mail.header("subject"), "Access to Database was revoked");
    assert!(
        mail.text
            .contains("Revoked by Rae Reviewer: “Use the copy”"),
        "{}",
        mail.text
    );
    assert!(
        mail.text.contains(&format!("/requests/{request}?as=ann")),
        "{}",
        mail.text
    );

    let request = env.ask("Again").await;
    act(people.rae, format!("/requests/{request}/deny"), "Not today").await;
    env.forward(UNDO);
    let mail = env.mails_of("ann", 5).await.remove(2);
    assert_eq!(mail.header("subject"), "Request for Database was denied");
    assert!(
        mail.text.contains("Denied by Rae Reviewer: “Not today”"),
        "{}",
        mail.text
    );

    env.ask("Once more").await;
    env.site.env.wait(TimeDelta::hours(24)).await;
    let mail = env.mails_of("ann", 6).await.remove(3);
    assert_eq!(mail.header("subject"), "Request for Database expired");

    let request = env.ask("For long").await;
    env.approve(request).await;
    env.forward(UNDO);
    env.server.wait_for(7).await.unwrap();
    env.site.env.wait(TimeDelta::hours(9)).await;
    let mail = env.mails_of("ann", 8).await.remove(5);
    assert_eq!(mail.header("subject"), "Database is locked again");
    assert!(
        mail.text.contains("Access ended on 2030-01-02 01:00 UTC."),
        "{}",
        mail.text
    );

    env.ask("For nothing").await;
    let database = env.site.env.resources.database;
    env.site
        .env
        .change(move |tx| Box::pin(async move { Ok(tx.remove_resource(database).await?) }))
        .await;
    let mail = env.mails_of("ann", 9).await.remove(6);
    assert_eq!(mail.header("subject"), "Request for Database was cancelled");
    assert!(
        mail.text
            .contains("Cancelled because the resource was removed."),
        "{}",
        mail.text
    );
    env.queue(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlock_by_somebody_is_told() {
    let env = MailEnv::new().await;
    let database = env.site.env.resources.database;
    env.site
        .env
        .change(move |tx| {
            Box::pin(async move {
                let (mut found, _) = tx.resource(database).await?.unwrap();
                found.settings.mode = Mode::AutoLock;
                Ok(tx.update_resource(found).await?)
            })
        })
        .await;
    env.site.env.wait(TimeDelta::days(8)).await;
    let request = env.ask("Back again").await;
    let asked = env.mail_of("roy", REVIEWERS).await;
    assert_eq!(
        asked.header("subject"),
        "Ann Member asks to unlock Database"
    );
    assert!(
        asked
            .text
            .contains("It locked because it wasn’t used for a while.")
    );
    let approve = format!("/requests/{request}/approve");
    let roy = env.site.env.people.roy;
    env.site
        .env
        .post(roy, &approve, json!({ "comment": "Welcome" }))
        .await;
    env.forward(UNDO);
    let mail = env.mail_of("ann", REVIEWERS + 1).await;
    assert_eq!(mail.header("subject"), "Database is open");
    assert!(
        mail.text.contains("Unlocked by Roy Reviewer: “Welcome”"),
        "{}",
        mail.text
    );
    assert!(mail.text.contains("if you don’t use it."), "{}", mail.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_what_they_did_themselves() {
    let env = MailEnv::new().await;
    let (site, people, resources) = (&env.site, env.site.env.people, env.site.env.resources);
    let request = json!({ "resource": resources.logs, "reason": "To look" });
    let opened = site.env.post(people.ann, "/requests", request).await;
    site.env
        .act(people.ann, &format!("/grants/{}/release", opened.grant()))
        .await;
    env.queue(0, 0).await;
    let request = env.ask("Work").await;
    env.server.wait_for(REVIEWERS).await.unwrap();
    site.env
        .act(people.ann, &format!("/requests/{request}/cancel"))
        .await;
    env.forward(UNDO);
    env.queue(0, 0).await;
    assert_eq!(env.server.taken().unwrap().len(), REVIEWERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_needs_any_more_is_not_sent() {
    let mut env = MailEnv::new().await;
    env.server.stop().unwrap();
    let people = env.site.env.people;
    let request = env.ask("Work").await;
    env.queue(REVIEWERS as u64, 0).await;
    env.said("Nothing listens").await;
    // Roy reviews no more, Ada’s account is disabled, and nobody knows Dan’s address.
    change_user(&env, people.roy, |user| user.roles = vec![Role::Member]).await;
    change_user(&env, people.ada, |user| user.disabled = true).await;
    change_user(&env, people.dan, |user| user.email = None).await;
    env.server.resume().await.unwrap();
    env.forward(TimeDelta::minutes(1));
    env.mail_of("rae", 1).await;
    env.queue(0, 0).await;

    // Another request is decided while the server is away.
    env.approve(request).await;
    env.forward(UNDO);
    env.mail_of("ann", 2).await;
    env.server.stop().unwrap();
    let request = env.ask_as(people.ben, "Work").await;
    env.approve(request).await;
    env.queue(3, 0).await;
    env.server.resume().await.unwrap();
    env.forward(TimeDelta::minutes(1));
    env.mail_of("ben", 3).await;
    env.queue(0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_somebody_typed_becomes_a_header() {
    let env = MailEnv::new().await;
    let (people, database) = (env.site.env.people, env.site.env.resources.database);
    let evil = "\r\nBcc: evil@corp.example\r\n\r\n";
    let hostile = format!(
        "x{evil}\u{202e}\u{2028}\u{0}\"<evil@corp.example>, {}",
        "ü".repeat(300)
    );
    let name = hostile.clone();
    env.site
        .env
        .change(move |tx| {
            Box::pin(async move {
                let mut ann = tx.user(people.ann).await?.unwrap();
                ann.name.clone_from(&name);
                tx.update_user(ann).await?;
                let mut roy = tx.user(people.roy).await?.unwrap();
                roy.name.clone_from(&name);
                tx.update_user(roy).await?;
                let mut rae = tx.user(people.rae).await?.unwrap();
                rae.email = Some(format!("rae@corp.example{evil}"));
                tx.update_user(rae).await?;
                let mut dan = tx.user(people.dan).await?.unwrap();
                dan.email = Some("dan@corp.example, evil@corp.example".to_owned());
                tx.update_user(dan).await?;
                tx.set_organisation_name(&name).await?;
                let (mut found, _) = tx.resource(database).await?.unwrap();
                found.name = name;
                Ok(tx.update_resource(found).await?)
            })
        })
        .await;
    env.ask(&hostile).await;
    // Rae’s and Dan’s addresses are none.
    env.queue(0, 2).await;
    let mails = env.server.wait_for(REVIEWERS - 2).await.unwrap();
    let expected = [
        "Message-ID",
        "Date",
        "From",
        "To",
        "Subject",
        "MIME-Version",
        "Content-Type",
        "Auto-Submitted",
    ];
    for mail in mails {
        assert!(
            ["roy@corp.example", "ada@corp.example"].contains(&&*mail.to[0]),
            "{:?}",
            mail.to
        );
        assert_eq!(mail.to.len(), 1);
        let mut names: Vec<&str> = mail.headers.iter().map(|(name, _)| &**name).collect();
        let mut expected = expected.to_vec();
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{}", mail.raw());
        let subject = mail.header("subject");
        assert!(subject.chars().count() <= 100, "{subject}");
        assert!(subject.starts_with("x Bcc: evil@corp.example"), "{subject}");
        for said in [subject, mail.header("to"), &mail.html, &mail.text] {
            assert!(!said.contains(['\u{202e}', '\u{2028}', '\0']), "{said}");
        }
        assert!(mail.raw().is_ascii());
        assert!(mail.raw().lines().all(|line| line.len() <= 998));
    }
    // A login goes into addresses of pages only.
    env.site
        .env
        .change(move |tx| {
            Box::pin(async move {
                let mut ben = tx.user(people.ben).await?.unwrap();
                ben.login = format!("ben{evil}&x=\"><b>");
                Ok(tx.update_user(ben).await?)
            })
        })
        .await;
    let request = env.ask_as(people.ben, "Work").await;
    env.server.wait_for(2 * (REVIEWERS - 2)).await.unwrap();
    env.approve(request).await;
    env.forward(UNDO);
    let mail = env.mail_of("ben", 2 * (REVIEWERS - 2) + 1).await;
    assert!(
        mail.html.contains("?as=ben%0D%0Abcc%3A+evil%40"),
        "{}",
        mail.html
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reason_is_cut() {
    let env = MailEnv::new().await;
    env.ask(&"long ".repeat(390)).await;
    let mail = env.mail_of("rae", REVIEWERS).await;
    let quoted = mail
        .text
        .lines()
        .find(|line| line.starts_with("> "))
        .unwrap();
    assert!(quoted.ends_with("long…"), "{quoted}");
    assert!(quoted.chars().count() < 1_010);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_at_once_is_not_mailed() {
    let env = MailEnv::new().await;
    let rae = env.site.env.people.rae;
    let request = env.ask("Work").await;
    env.server.wait_for(REVIEWERS).await.unwrap();
    env.approve(request).await;
    env.queue(1, 0).await;
    let browser = env.site.signed_in("rae").await;
    let page = browser.get(&format!("/review/{request}")).await;
    page.says("Undo");
    let undone = browser
        .post(&format!("/review/{request}"), &[("do", "undo")])
        .await;
    assert_eq!(undone.location(), format!("/review/{request}"));
    let page = browser.get(&format!("/review/{request}")).await;
    page.says("it was approved by mistake, and taken back");
    assert!(!page.text.contains("value=\"undo\""), "once");
    env.queue(0, 0).await;
    // Nor is a denial, whose terms wait again.
    let request = env.ask("Work again").await;
    env.server.wait_for(2 * REVIEWERS).await.unwrap();
    let deny = format!("/requests/{request}/deny");
    let denied = env
        .site
        .env
        .post(rae, &deny, json!({ "comment": "No" }))
        .await;
    assert_eq!(denied.status, 200, "{}", denied.json());
    let undone = browser
        .post(&format!("/review/{request}"), &[("do", "undo")])
        .await;
    assert_eq!(undone.location(), format!("/review/{}", request + 1));
    env.forward(UNDO);
    env.server.wait_for(3 * REVIEWERS).await.unwrap();
    env.queue(0, 0).await;
    assert!(env.mails_of("ann", 3 * REVIEWERS).await.is_empty());
}

/// Whoever is signed in as somebody changes how the account is opened: its owner hears of it.
#[tokio::test]
async fn what_is_done_to_a_second_factor_is_mailed_to_its_owner() {
    let mail = MailEnv::new().await;
    let ann = mail.site.signed_in("ann").await;
    let phone = Phone::of(&ann).await;
    let told = mail.mail_of("ann", 1).await;
    assert_eq!(told.header("subject"), "Two-step sign-in was set up");
    assert!(
        told.text.contains("choose another password"),
        "{}",
        told.text
    );
    mail.forward(TimeDelta::seconds(30));
    let off = [("do", "turn-off"), ("code", &*phone.codes[0])];
    ann.post("/account", &off).await;
    let mails = mail.mails_of("ann", 3).await;
    let subjects: Vec<_> = mails.iter().map(|mail| mail.header("subject")).collect();
    let expected = [
        "A recovery code was used",
        "Two-step sign-in was turned off",
    ];
    assert_eq!(subjects[1..], expected);
    for mail in mails {
        assert!(!mail.raw().contains(&*phone.codes[0]));
    }
}
