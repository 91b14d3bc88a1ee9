//! What each call may be refused with, for the description of the API.

use std::collections::BTreeMap;

use hourkey_protocol::problem::{Code, MEDIA_TYPE, Problem};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::{Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident: $($code:ident)*;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                responses(&[$(Code::$code,)*])
            }
        }
    )*};
}

refusals! {
    /// Of every call.
    ReadErrors: Unauthenticated RateLimited Internal Unavailable;
    /// Of reading what others ask for.
    QueueErrors: Unauthenticated Forbidden RateLimited Internal Unavailable;
    /// Of opening a stream.
    StreamErrors: Unauthenticated RateLimited Internal Unavailable;
    /// Of lists in pages.
    ListErrors: Malformed Unauthenticated RateLimited Internal Unavailable;
    /// Of calls that name one thing.
    FindErrors: Unauthenticated NotFound RateLimited Internal Unavailable;
    /// Of explaining.
    ExplainErrors: Malformed Unauthenticated NotFound RateLimited Internal Unavailable;
    /// Of ending a session or a device.
    EndErrors: Unauthenticated Forbidden NotFound Internal Unavailable;
    /// Of asking for a certificate.
    EnrolErrors: Malformed Unauthenticated Forbidden TooLarge UnsupportedMedia Internal Unavailable;
    /// Of asking for a device's certificate.
    EnrolDeviceErrors: Malformed Unauthenticated Forbidden TooLarge UnsupportedMedia RateLimited
        Internal Unavailable;
    /// Of opening a gateway's stream.
    FollowErrors: Malformed Unauthenticated TooLarge UnsupportedMedia Internal Unavailable;
    /// Of what a gateway tells about its stream.
    AcknowledgeErrors: Malformed Unauthenticated NotFound TooLarge UnsupportedMedia Internal
        Unavailable;
    /// Of asking.
    AskErrors: Malformed Unauthenticated NotFound NotNeeded ResourceDisabled NothingToExtend NobodyCanApprove KeyReused TooLarge
        UnsupportedMedia BlankText TextTooLong BadLength BadStart RateLimited Internal Unavailable;
    /// Of withdrawing a request.
    CancelErrors: Malformed Unauthenticated Forbidden NotFound AlreadyDecided KeyReused TooLarge
        RateLimited Internal Unavailable;
    /// Of deciding.
    ReviewErrors: Malformed Unauthenticated Forbidden OwnRequest NotFound AlreadyDecided NothingToExtend KeyReused
        TooLarge UnsupportedMedia BlankText TextTooLong BadLength RateLimited Internal Unavailable;
    /// Of taking a decision back.
    UndoErrors: Malformed Unauthenticated Forbidden OwnRequest NotFound AlreadyDecided KeyReused
        TooLarge RateLimited Internal Unavailable;
    /// Of naming a deputy.
    DeputyErrors: Malformed Unauthenticated Forbidden NotFound KeyReused TooLarge UnsupportedMedia BadLength
        BadStart RateLimited Internal Unavailable;
    /// Of asking reviewers to decide.
    AskReviewersErrors: Malformed Unauthenticated Forbidden OwnRequest NotFound AlreadyDecided KeyReused
        TooLarge UnsupportedMedia RateLimited Internal Unavailable;
    /// Of what administrators look at.
    AdminErrors: Malformed Unauthenticated Forbidden NotFound RateLimited Internal Unavailable;
    /// Of unlocking for somebody else.
    UnlockErrors: Malformed Unauthenticated Forbidden OwnRequest NotFound NotNeeded ResourceDisabled
        KeyReused TooLarge UnsupportedMedia TextTooLong RateLimited Internal Unavailable;
    /// Of giving back.
    ReleaseErrors: Malformed Unauthenticated Forbidden NotFound AlreadyEnded KeyReused TooLarge
        Internal Unavailable;
    /// Of taking away.
    RevokeErrors: Malformed Unauthenticated Forbidden OwnRequest NotFound AlreadyEnded KeyReused
        TooLarge UnsupportedMedia BlankText TextTooLong Internal Unavailable;
}

/// One response for each status, with an example for each code.
fn responses(codes: &[Code]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let with_its_code = by_status.entry(code.status()).or_default();
        with_its_code.push(*code);
        if *code == Code::Unauthenticated {
            // What needs a credential may come without one.
            with_its_code.push(Code::NoCredential);
        }
    }
    let response = |codes: &[Code]| {
        let titles: Vec<_> = codes.iter().map(|code| code.title()).collect();
        let examples = codes.iter().map(|code| {
            let problem = serde_json::to_value(code.problem(format!("{}.", code.title()))).ok();
            (code.as_str(), ExampleBuilder::new().value(problem).build())
        });
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .examples_from_iter(examples)
            .build();
        ResponseBuilder::new()
            .description(titles.join("; "))
            .content(MEDIA_TYPE, content)
            .build()
    };
    let each = by_status
        .iter()
        .map(|(status, codes)| (status.to_string(), response(codes).into()));
    each.collect()
}
