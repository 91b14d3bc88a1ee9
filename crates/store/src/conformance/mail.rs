//! Mail: settings, the outbox, and what people do not want.

use std::sync::Arc;

use hourkey_domain::ids::{GrantId, MailId, ResourceId, UserId};

use super::sample::{at, sample};
use super::write;
use crate::Store;
use crate::mail::{
    Mail, MailContent, MailCounts, MailKind, MailSecurity, MailSettings, MailStatus, MailTrouble,
    NewMail,
};

fn settings() -> MailSettings {
    MailSettings {
        host: "mail.corp.example".to_owned(),
        port: 65_535,
        security: MailSecurity::Tls,
        login: Some("hourkey".to_owned()),
        password: Some(vec![0, 255, 1]),
        sender: "hourkey@corp.example".to_owned(),
        sender_name: "Hourkey \u{202e}".to_owned(),
        authorities: "-----BEGIN".to_owned(),
    }
}

fn new(user: UserId, resource: ResourceId, happened: i64, due: i64) -> NewMail {
    NewMail {
        user,
        at: at(happened),
        resource: Some(resource),
        resource_name: "db\r\n".to_owned(),
        content: MailContent::Ended {
            grant: GrantId(happened),
            at: at(happened),
        },
        next_at: at(due),
    }
}

async fn due(store: &Arc<dyn Store>, minute: i64) -> Vec<MailId> {
    let mut read = store.read().await.unwrap();
    let due = read.mails_due(at(minute), 10).await.unwrap();
    due.into_iter().map(|mail| mail.id).collect()
}

/// Settings come back as they were set; setting them anew forgets how it went, and removing them removes
/// all mails.
pub async fn mail_settings_are_one_row(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let mut read = store.read().await.unwrap();
    assert_eq!(read.mail_settings().await.unwrap(), None);
    assert_eq!(read.mail_status().await.unwrap(), MailStatus::default());
    drop(read);
    let status = MailStatus {
        sent_at: Some(at(1)),
        said: "250 OK".to_owned(),
        trouble: Some(MailTrouble {
            since: at(2),
            attempts: 3,
            next_at: at(4),
        }),
    };
    let set = status.clone();
    write!(store, |tx| {
        // Nothing is set up.
        tx.set_mail_status(set.clone()).await?;
        tx.set_mail_settings(Some(settings())).await?;
        assert_eq!(tx.mail_status().await?, MailStatus::default());
        tx.set_mail_status(set).await?;
        tx.insert_mail(new(sample.member, sample.resource, 1, 1))
            .await
    });
    let mut read = store.read().await.unwrap();
    assert_eq!(read.mail_settings().await.unwrap(), Some(settings()));
    assert_eq!(read.mail_status().await.unwrap(), status);
    drop(read);
    let other = MailSettings {
        security: MailSecurity::Clear,
        login: None,
        password: None,
        ..settings()
    };
    let set = other.clone();
    write!(store, |tx| tx.set_mail_settings(Some(set)).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.mail_settings().await.unwrap(), Some(other));
    assert_eq!(read.mail_status().await.unwrap(), MailStatus::default());
    assert_eq!(read.mail_counts().await.unwrap().waiting, 1);
    drop(read);
    write!(store, |tx| tx.set_mail_settings(None).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.mail_settings().await.unwrap(), None);
    assert_eq!(read.mail_counts().await.unwrap(), MailCounts::default());
}

/// A person's next mail waits for the one before; other people's do not.
pub async fn mails_are_due_in_order_for_each_person(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (one, other, resource) = (sample.member, sample.reviewer, sample.resource);
    let [first, second, third] = write!(store, |tx| {
        let first = tx.insert_mail(new(one, resource, 0, 5)).await?;
        let second = tx.insert_mail(new(one, resource, 1, 1)).await?;
        let third = tx.insert_mail(new(other, resource, 2, 2)).await?;
        Ok([first, second, third])
    });
    assert_eq!(due(&store, 1).await, []);
    assert_eq!(due(&store, 2).await, [third]);
    assert_eq!(due(&store, 5).await, [third, first]);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.next_mail_at().await.unwrap(), Some(at(2)));
    assert_eq!(read.mails_due(at(5), 1).await.unwrap().len(), 1);
    let kept = read.mail(first).await.unwrap().unwrap();
    assert_eq!(kept.new, new(one, resource, 0, 5));
    drop(read);
    assert!(write!(store, |tx| tx.remove_mail(first).await));
    assert!(!write!(store, |tx| tx.remove_mail(first).await));
    assert_eq!(due(&store, 5).await, [second, third]);
    let later = write!(store, |tx| {
        tx.remove_mail(second).await?;
        tx.remove_mail(third).await?;
        tx.insert_mail(new(one, resource, 3, 3)).await
    });
    assert!(later > third, "an id was used again");
}

/// What was given up holds up nobody, and is tried again when somebody says so.
pub async fn mails_are_given_up_and_tried_again(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let (user, resource) = (sample.member, sample.resource);
    let [first, second] = write!(store, |tx| {
        let first = tx.insert_mail(new(user, resource, 0, 0)).await?;
        Ok([first, tx.insert_mail(new(user, resource, 1, 1)).await?])
    });
    let dead = Mail {
        id: first,
        new: new(user, resource, 0, 7),
        attempts: 4,
        failed_since: Some(at(3)),
        failure: "550 no such user".to_owned(),
        dead: true,
    };
    let set = dead.clone();
    write!(store, |tx| tx.set_mail(set).await);
    assert_eq!(due(&store, 9).await, [second]);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.dead_mails(10).await.unwrap(), [dead]);
    let waiting = read.waiting_mails(at(2), 10).await.unwrap();
    assert_eq!(waiting.iter().map(|it| it.id).collect::<Vec<_>>(), [second]);
    assert_eq!(read.waiting_mails(at(1), 10).await.unwrap(), []);
    let counts = MailCounts {
        waiting: 1,
        dead: 1,
    };
    assert_eq!(read.mail_counts().await.unwrap(), counts);
    drop(read);
    assert_eq!(
        write!(store, |tx| tx.retry_mail(Some(MailId(4_711)), at(8)).await),
        0
    );
    assert_eq!(
        write!(store, |tx| tx.retry_mail(Some(first), at(8)).await),
        1
    );
    assert_eq!(due(&store, 7).await, []);
    assert_eq!(due(&store, 8).await, [first]);
    let again = store
        .read()
        .await
        .unwrap()
        .mail(first)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (again.attempts, again.failed_since, again.dead),
        (0, None, false)
    );
    assert_eq!(write!(store, |tx| tx.retry_mail(None, at(9)).await), 0);
    let failed = Mail {
        attempts: 1,
        failed_since: Some(at(4)),
        ..again
    };
    write!(store, |tx| tx.set_mail(failed).await);
    assert_eq!(write!(store, |tx| tx.retry_mail(None, at(9)).await), 1);
    assert_eq!(due(&store, 8).await, []);
    assert_eq!(due(&store, 9).await, [first]);
}

/// What somebody does not want is theirs.
pub async fn unwanted_mail_is_kept_for_each_person(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    let all = MailKind::ALL.to_vec();
    let set = all.clone();
    write!(store, |tx| tx.set_unwanted_mail(sample.member, set).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(read.unwanted_mail(sample.member).await.unwrap(), all);
    assert_eq!(read.unwanted_mail(sample.reviewer).await.unwrap(), []);
    drop(read);
    let one = vec![MailKind::Ended];
    write!(store, |tx| tx.set_unwanted_mail(sample.member, one).await);
    let mut read = store.read().await.unwrap();
    assert_eq!(
        read.unwanted_mail(sample.member).await.unwrap(),
        [MailKind::Ended]
    );
}
