//! The suite that every store must pass: stories, each on a fresh store.
//!
//! A store's tests run it with [`conformance_tests!`](crate::conformance_tests), which makes one
//! test of each story, or with [`run`].
#![allow(
    clippy::unwrap_used,
    reason = "this is test code: a panic is how it fails"
)]

pub mod access;
pub mod account;
pub mod device;
pub mod gateway;
pub mod history;
pub mod log;
pub mod mail;
pub mod open;
pub mod organisation;
pub mod reach;
pub mod removal;
pub mod reviewing;
mod sample;
pub mod second_factor;
pub mod session;
pub mod text;
pub mod transactions;
pub mod usage;
pub mod whole;

use std::sync::Arc;

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::Semaphore;

use crate::{Room, Store, StoreError, Work, Write, transact};

macro_rules! stories {
    ($d:tt $($module:ident: [$($story:ident),* $(,)?])*) => {
        /// Runs every story, each on a store made by `make`, and prints no names: a panic tells
        /// which expectation failed. `make` returns a store that holds nothing, and whatever must
        /// live as long as it (a temporary folder).
        pub async fn run<G>(make: impl AsyncFn() -> (Arc<dyn Store>, G)) {
            $($(
                let (store, _guard) = make().await;
                $module::$story(store).await;
            )*)*
        }

        /// Makes a `#[tokio::test]` of every story. `$make` is an async function like the one that
        /// [`run`](crate::conformance::run) takes.
        #[macro_export]
        macro_rules! conformance_tests {
            ($d make:path) => {
                $(mod $module {
                    $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $story() {
                        let (store, _guard) = $d make().await;
                        $d crate::conformance::$module::$story(store).await;
                    })*
                })*
            };
        }
    };
}

stories! { $
    transactions: [
        a_failing_work_rolls_back_alone,
        a_panicking_work_is_undone_and_the_next_goes_on,
        a_work_sees_what_was_done_before_it,
        a_refusal_reaches_the_caller_as_it_is,
        what_was_answered_is_in_the_next_read,
        a_read_is_one_state,
        the_reserved_lane_is_free_while_others_read,
        what_ends_access_is_kept_or_undone_as_all_else,
        of_two_works_that_look_first_one_makes_it,
        two_hundred_writers_lose_nothing,
        a_work_runs_to_its_end_without_its_caller,
        the_doorbell_rings_for_what_can_be_read,
    ]
    log: [
        a_fresh_store_is_empty,
        one_number_counts_both_logs,
        changes_are_replayed_from_any_point,
        the_future_wants_a_snapshot,
        a_number_is_given_once,
        old_changes_are_dropped_and_the_audit_log_is_kept,
    ]
    organisation: [
        everything_comes_back_as_it_was_kept,
        fields_are_replaced,
        names_are_unique_among_the_living,
        ids_are_never_used_again,
    ]
    removal: [
        a_removed_user_leaves_their_groups_and_sessions,
        a_removed_group_takes_its_assignments,
        a_removed_resource_takes_its_assignments,
        a_network_in_use_stays,
        the_removed_keep_their_names,
        unknown_ids_are_refused,
    ]
    reach: [
        assignments_are_those_of_the_users_groups,
        reviewers_are_found_by_role_and_by_group,
        fallback_reviewers_are_the_members_of_their_groups,
        what_fewer_than_two_review_is_found,
        what_is_held_back_does_not_count,
        when_an_administrator_went_is_kept,
        everyone_has_what_the_built_in_group_has,
        the_built_in_group_is_never_kept,
    ]
    reviewing: [
        a_reviewer_has_one_deputy,
        a_deputy_s_time_is_due,
        asked_reviewers_are_kept,
    ]
    text: [
        hostile_text_comes_back_byte_for_byte,
    ]
    access: [
        requests_come_back_in_every_state,
        grants_come_back_in_every_state,
        a_request_may_make_another_grant,
        one_request_waits_for_a_user_and_resource,
        one_grant_lives_for_a_user_and_resource,
        a_window_can_be_shortened,
        an_extension_stands_beside_its_grant,
    ]
    open: [
        open_things_are_filtered,
        what_is_due_is_found,
        the_next_deadline_is_the_earliest,
    ]
    history: [
        requests_are_read_in_pages,
        requests_are_found_by_person_and_resource,
        requests_are_found_by_what_became_of_them,
        decided_requests_are_read_in_pages,
        decided_requests_are_searched,
        lately_tells_of_the_last_request_and_revocation,
        a_request_keeps_the_name_of_its_resource,
        grants_are_counted_by_their_start,
        notices_are_read_newest_first,
        a_notice_needs_its_change,
        one_notice_asks_for_a_review,
    ]
    second_factor: [
        a_second_factor_is_kept_replaced_and_removed,
        a_recovery_code_is_taken_once,
        nobody_must_have_one_until_it_is_said,
    ]
    account: [
        a_password_is_kept_and_replaced,
        a_reset_link_replaces_the_one_before,
        shown_links_are_kept,
        the_setup_code_is_kept_and_forgotten,
        an_answer_is_remembered_once,
        a_browser_is_known_by_who_signed_in_there,
        what_expired_is_forgotten,
    ]
    session: [
        sessions_are_found_and_ended,
        sessions_that_are_due_are_found,
        access_tokens_expire,
        refresh_tokens_go_by_generation,
        a_code_tells_what_became_of_it,
        a_device_is_decided_once_typed,
    ]
    device: [
        a_device_lives_as_long_as_its_session,
        a_session_has_one_device,
    ]
    usage: [
        a_connection_is_kept_once,
        the_last_use_is_the_newest,
        counts_start_with_the_member_and_the_assignment,
        an_unlock_restarts_a_count,
        what_is_forgotten_restarts_no_count,
    ]
    mail: [
        mail_settings_are_one_row,
        mails_are_due_in_order_for_each_person,
        mails_are_given_up_and_tried_again,
        unwanted_mail_is_kept_for_each_person,
    ]
    whole: [
        things_by_id_are_those_of_the_whole,
        what_was_removed_is_listed_apart,
        the_history_of_all_is_that_of_each,
        the_sessions_of_all_are_those_of_each,
        what_a_decision_replaced_is_kept_for_a_moment,
        a_count_starts_anew_and_is_forgotten,
    ]
    gateway: [
        a_gateway_enrols_once,
        a_removed_gateway_is_unknown,
    ]
}

/// Runs work that must succeed.
async fn done<T, F>(store: &Arc<dyn Store>, work: F) -> T
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Write) -> BoxFuture<'t, Result<T, StoreError>>
        + Clone
        + Send
        + Sync
        + 'static,
{
    match transact(store, Room::Usual, work).await {
        Ok(value) => value,
        Err(error) => panic!("the store refused what it should keep: {error}"),
    }
}

/// Runs work that the store must refuse.
async fn refused<T, F>(store: &Arc<dyn Store>, work: F) -> StoreError
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut dyn Write) -> BoxFuture<'t, Result<T, StoreError>>
        + Clone
        + Send
        + Sync
        + 'static,
{
    match transact(store, Room::Usual, work).await {
        Ok(_) => panic!("the store kept what it should refuse"),
        Err(error) => error,
    }
}

/// Runs works that gathered in line while the writer was held up, as one group where a store
/// makes groups.
async fn together(store: &Arc<dyn Store>, works: Vec<Work>) -> Vec<Result<(), StoreError>> {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let holding = store.write(
        Room::Usual,
        Box::new(move |_| {
            let held = Arc::clone(&held);
            Box::pin(async move {
                let _opened = held.acquire().await.unwrap();
                Ok(())
            })
        }),
    );
    let waiting = join_all(works.into_iter().map(|work| store.write(Room::Usual, work)));
    // Polled in this order: when the gate opens, all are in line.
    let (held, answers, ()) =
        tokio::join!(biased; holding, waiting, async move { gate.add_permits(1) });
    held.unwrap();
    answers
}

/// `write!(store, |tx| …)`: runs an expression of type `Result<_, StoreError>` as a work.
macro_rules! write {
    ($store:expr, |$tx:ident| $body:expr) => {
        $crate::conformance::done(&$store, move |$tx| Box::pin(async move { $body })).await
    };
}

/// The same for what must be refused; answers the error.
macro_rules! refuse {
    ($store:expr, |$tx:ident| $body:expr) => {
        $crate::conformance::refused(&$store, move |$tx| Box::pin(async move { $body })).await
    };
}

use {refuse, write};
