//! Explanations agree with the rules, and tell nobody more than they may see.

use chrono::{FixedOffset, TimeDelta};
use proptest::collection::vec;
use proptest::prelude::*;

use super::draw::{any_change, moment, noon};
use super::lively::lively;
use super::unseen::unseen;
use crate::Time;
use crate::address::{Address, Host};
use crate::ids::{GatewayId, NetworkId, ResourceId, UserId};
use crate::lock::{LockState, lock_state, permit};
use crate::organisation::explain::{
    Because, Explanation, Missing, Question, Target, Unknown, Viewer, Weight, sentences,
};
use crate::organisation::{Group, Organisation, Resource, User, explain};
use crate::review::Role;
use crate::settings::most_permissive;
use crate::transition::settle;

const ADMIN: UserId = UserId(50);

pub(super) fn viewer(user: UserId) -> Viewer {
    Viewer {
        user,
        reaches_others: true,
    }
}

pub(super) fn about(user: UserId, resource: ResourceId, at: Time) -> Question {
    let target = Target::Resource(resource);
    Question { user, target, at }
}

fn pairs() -> impl Iterator<Item = (UserId, ResourceId)> {
    (1..=6).flat_map(|user| (1..=5).map(move |resource| (UserId(user), ResourceId(resource))))
}

fn with_admin(mut organisation: Organisation) -> Organisation {
    let admin = User {
        id: ADMIN,
        login: "admin".to_owned(),
        name: "Admin".to_owned(),
        email: None,
        roles: vec![Role::Admin],
        disabled: false,
        since: None,
    };
    organisation.set_user(ADMIN, Some(admin));
    organisation
}

/// Whether somebody may be told, from plain lists.
fn may_be_told(
    of: &Organisation,
    viewer: UserId,
    user: UserId,
    resource: ResourceId,
    now: Time,
) -> bool {
    let plain = of.contents();
    let (Some(who), Some(_), Some(_)) = (
        plain.user(viewer),
        plain.user(user),
        plain.resource(resource),
    ) else {
        return false;
    };
    let visible = plain.is_enabled(user)
        && plain
            .assigned(user, resource)
            .iter()
            .any(|own| own.is_valid(now));
    let reviews = plain.may_review(viewer, user, resource);
    !who.disabled
        && (who.roles.iter().any(|role| role.sees_all())
            || (visible && (viewer == user || reviews)))
}

/// The ports, of those that are drawn and some others, at which the person's connections to the
/// resource flow then; from plain lists.
fn flowing(of: &Organisation, user: UserId, resource: ResourceId, at: Time, now: Time) -> Vec<u16> {
    let plain = of.contents();
    let Some(own) = plain.resource(resource) else {
        return Vec::new();
    };
    let facts = of.access_facts(user, resource);
    let facts = if at == now {
        facts
    } else {
        settle(facts, at).0
    };
    if permit(user, resource, &facts.view(), at).is_none() {
        return Vec::new();
    }
    let mut ports = vec![1, 22, 443, 5432, 8000, 8005, 8010, u16::MAX];
    ports.retain(|port| {
        let mut first = plain.resources.iter().filter(|it| it.id < own.id);
        let taken = first.any(|it| {
            it.network == own.network && it.address == own.address && it.ports.contains(*port)
        });
        own.ports.contains(*port) && !taken
    });
    ports
}

/// The explanation without what a viewer may see of another resource.
fn bytes(explanation: &Result<Explanation, Unknown>) -> String {
    match explanation {
        Ok(found) => serde_json::to_string(found).unwrap(),
        Err(unknown) => unknown.to_string(),
    }
}

#[test]
fn what_a_later_controller_finds_missing_is_missing() {
    let later = r#"{ "missing": "needs_two_keys", "keys": 2 }"#;
    let read: Missing = serde_json::from_str(later).unwrap();
    assert_eq!(read, Missing::Unknown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Lock state, permit, and which assignment counts, are those of the rules, now and later.
    #[test]
    fn explanations_agree_with_the_rules(
        organisation in lively(),
        served in any::<bool>(),
        hours in 0i64..=30,
    ) {
        let mut organisation = with_admin(organisation);
        for id in (1..=2).filter(|_| served) {
            organisation.set_gateway(GatewayId(id), Some(NetworkId(id)));
        }
        let now = noon();
        let at = now + TimeDelta::hours(hours);
        for (user, resource) in pairs() {
            let question = about(user, resource, at);
            let Ok(found) = explain(&organisation, viewer(ADMIN), &question, now) else {
                let is_missing = organisation.user(user).is_none();
                prop_assert!(is_missing || organisation.resource(resource).is_none());
                continue;
            };
            let facts = organisation.access_facts(user, resource);
            let facts = if hours == 0 { facts } else { settle(facts, at).0 };
            let lock = lock_state(&facts.view(), at);
            prop_assert_eq!(found.lock, lock);
            let permit = permit(user, resource, &facts.view(), at);
            prop_assert_eq!(found.permit.as_ref().map(|it| it.until), permit.map(|it| it.until));
            prop_assert_eq!(found.permit.as_ref().map(|it| it.because), permit.map(|it| match it.cause {
                crate::lock::PermitCause::Standing => Because::Standing,
                crate::lock::PermitCause::AutoLock => Because::AutoLock,
                crate::lock::PermitCause::Grant(_) => Because::Grant,
            }));
            let served = organisation.has_gateway(organisation.resource(resource).unwrap().network);
            let ports = flowing(&organisation, user, resource, at, now);
            let passes = permit.is_some() && !ports.is_empty() && served;
            prop_assert_eq!(found.missing.is_empty(), passes, "{:?}", found);
            let mut counts = found.assignments.iter().filter(|own| own.weight == Weight::Counts);
            let best = most_permissive(&facts.assignments, at).map(|best| best.assignment);
            prop_assert_eq!(counts.next().map(|own| own.id), best);
            prop_assert!(counts.next().is_none());
            match lock {
                Some(
                    LockState::Granted { grant, expires_at, .. }
                    | LockState::Scheduled { grant, expires_at, .. },
                ) => {
                    let shown = found.grant.map(|it| (it.id, it.window.expires_at));
                    prop_assert_eq!(shown, Some((grant, expires_at)));
                }
                Some(LockState::Pending { request, .. }) => {
                    prop_assert_eq!(found.pending.map(|it| it.id), Some(request));
                }
                Some(LockState::Open { .. }) => {}
                Some(LockState::Locked { .. }) | None => {
                    prop_assert!(found.grant.is_none() && found.pending.is_none());
                }
            }
        }
    }

    /// The resource that governs is rule 9's; a question by destination is one by that resource.
    #[test]
    fn explanations_agree_on_what_governs(organisation in lively()) {
        let organisation = with_admin(organisation);
        let now = noon();
        for resource in organisation.resources() {
            let host = match &resource.address {
                Address::Name(name) => Host::Name(name.clone()),
                Address::Ip(ip) => Host::Ip(*ip),
                Address::Wildcard(_) | Address::Net(..) => continue,
            };
            let network = resource.network;
            for port in [22, 443] {
                let governing = organisation.governing(network, &host, &[], port).map(|it| it.id);
                for person in (1..=5).map(UserId).chain([ADMIN]) {
                    let target = Target::Destination { network, host: host.clone(), port };
                    let question = Question { user: person, target, at: now };
                    let found = explain(&organisation, viewer(person), &question, now);
                    let by_id = governing.map_or(Err(Unknown), |id| {
                        explain(&organisation, viewer(person), &about(person, id, now), now)
                    });
                    prop_assert_eq!(found, by_id);
                }
            }
            if let Some(port) = resource.ports.single() {
                let governing = organisation.governing(network, &host, &[], port).map(|it| it.id);
                let question = about(ADMIN, resource.id, now);
                let found = explain(&organisation, viewer(ADMIN), &question, now).unwrap();
                let other = found.governed_by.map(|other| other.id);
                prop_assert_eq!(Some(other.unwrap_or(resource.id)), governing);
            }
        }
    }

    /// Rule 1: everybody is told of their own, reviewers of what they review, and administrators of
    /// all; the rest is as unknown as what does not exist.
    #[test]
    fn only_those_who_may_see_are_told(organisation in lively(), now in moment()) {
        for person in (1..=6).map(UserId) {
            for (user, resource) in pairs() {
                let question = about(user, resource, now);
                let told = explain(&organisation, viewer(person), &question, now);
                prop_assert_eq!(told.is_ok(), may_be_told(&organisation, person, user, resource, now));
                let alone = Viewer { user: person, reaches_others: false };
                let told_alone = explain(&organisation, alone, &question, now);
                if person != user {
                    prop_assert_eq!(told_alone, Err(Unknown));
                } else {
                    prop_assert!(told_alone.is_err() || told.is_ok());
                }
                // The past is not told.
                let before = about(user, resource, now - TimeDelta::hours(20));
                prop_assert_eq!(explain(&organisation, viewer(person), &before, now), told);
            }
        }
    }

    /// Rule 1: whatever changes that a viewer may not see, they are told the same to the byte, and
    /// never a login or a mail address. Which of the person's connections flow can be seen: who
    /// connects finds out, also where a hidden resource takes them (decision 0019).
    #[test]
    fn what_is_not_seen_changes_nothing(
        organisation in lively(),
        changes in vec(any_change(), 0..=20),
        hours in 0i64..=30,
    ) {
        let now = noon();
        let at = now + TimeDelta::hours(hours);
        for person in (1..=5).map(UserId) {
            let sees_all = |user: &std::sync::Arc<User>| user.roles.iter().any(|role| role.sees_all());
            if organisation.user(person).is_none_or(sees_all) {
                continue;
            }
            for (user, resource) in pairs() {
                let question = about(user, resource, at);
                let told = explain(&organisation, viewer(person), &question, now);
                let mut other = organisation.clone();
                for change in &changes {
                    let unseen = unseen(change.clone(), &other, person, user, resource);
                    if let Some(change) = unseen {
                        change.apply(&mut other);
                    }
                }
                let again = explain(&other, viewer(person), &question, now);
                let flow = |of| flowing(of, user, resource, at, now);
                if flow(&organisation) == flow(&other) {
                    prop_assert_eq!(bytes(&told), bytes(&again));
                }
                let bytes = bytes(&told);
                prop_assert!(!bytes.contains("login-") && !bytes.contains('@'), "{bytes}");
            }
        }
    }

    /// A client reads what its controller wrote.
    #[test]
    fn explanations_are_read_as_they_were_written(
        organisation in lively(),
        hours in 0i64..=30,
    ) {
        let organisation = with_admin(organisation);
        let at = noon() + TimeDelta::hours(hours);
        for (user, resource) in pairs() {
            let told = explain(&organisation, viewer(ADMIN), &about(user, resource, at), noon());
            let Ok(told) = told else { continue };
            let read: Explanation = serde_json::from_str(&serde_json::to_string(&told).unwrap()).unwrap();
            prop_assert_eq!(read, told);
        }
    }

    /// Each sentence is one line that a terminal can show, whatever things are called.
    #[test]
    fn sentences_are_lines(
        organisation in lively(),
        name in "\\PC{0,8}\\n?\\PC{0,8}",
        hours in 0i64..=30,
    ) {
        let mut organisation = with_admin(organisation);
        for resource in organisation.contents().resources {
            let resource = Resource { name: name.clone(), ..resource };
            organisation.set_resource(resource.id, Some(resource));
        }
        for group in organisation.contents().groups {
            let group = Group { name: name.clone(), ..group };
            organisation.set_group(group.id, Some(group));
        }
        let at = noon() + TimeDelta::hours(hours);
        for (user, resource) in pairs() {
            let told = explain(&organisation, viewer(ADMIN), &about(user, resource, at), noon());
            let Ok(told) = told else { continue };
            let lines = sentences(&told, noon(), FixedOffset::east_opt(0).unwrap());
            for line in lines {
                prop_assert!(!line.chars().any(crate::text::is_unsafe), "{line:?}");
                prop_assert!(line.ends_with('.'), "{line:?}");
            }
        }
    }
}
