//! Out of office: who decides for a reviewer who is away.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::NaiveDateTime;
use hourkey_access::app::{App, Room};
use hourkey_access::deputies::{DeputyField, Mistake};
use hourkey_access::error::AppError;
use hourkey_access::idempotency::{Answer, IdempotencyKey, run_once};
use hourkey_access::identity::Caller;
use hourkey_access::identity::secret::{digest, new_secret};
use hourkey_access::{deputies, queries};
use hourkey_domain::Time;
use hourkey_domain::ids::UserId;
use hourkey_protocol::access::Person;
use hourkey_protocol::deputy::{Deputy, NewDeputy};
use hourkey_protocol::problem::Code;
use maud::{Markup, html};

use crate::confirm;
use crate::csrf::FormToken;
use crate::error::PageError;
use crate::form::{Field, Fields, Form, FormError, out_of_date};
use crate::layout::{Frame, Live, Page, Place, Width, plain, token_field};
use crate::outcome::person;
use crate::page_user::PageUser;
use crate::time::moment;
use crate::unsent::Unsent;

/// How browsers send a moment.
const MOMENT: &str = "%Y-%m-%dT%H:%M";

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct DeputyInput {
    /// Makes two clicks one deputy.
    key: String,
    login: String,
    /// For whom, as an administrator.
    principal: String,
    from: String,
    until: String,
    wrong: FormError,
}

impl DeputyInput {
    fn read(fields: &Fields, wrong: FormError) -> Self {
        let text = |name: &str| fields.text(name);
        Self {
            key: text("key"),
            login: text("login"),
            principal: text("principal"),
            from: text("from"),
            until: text("until"),
            wrong,
        }
    }

    /// What it asks for.
    ///
    /// # Errors
    /// Says how to type a moment.
    fn wanted(&self) -> Result<NewDeputy, FormError> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let until = read(&self.until, Field::Until)?
            .ok_or_else(|| wrong("Choose until when.", Field::Until))?;
        Ok(NewDeputy {
            deputy: self.login.trim().to_owned(),
            principal: given(&self.principal),
            from: read(&self.from, Field::From)?,
            until,
        })
    }

    /// The values whose consequence is shown, as the form carries them: nobody is named by others.
    fn values(&self) -> String {
        let values = [&self.principal, &self.login, &self.from, &self.until];
        values.map(|value| value.trim()).join(" ")
    }
}

/// A moment in UTC, where one was typed.
fn read(text: &str, field: Field) -> Result<Option<Time>, FormError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    match NaiveDateTime::parse_from_str(text.trim(), MOMENT) {
        Ok(read) => Ok(Some(read.and_utc())),
        Err(_) => Err(wrong(
            "This is no time. Write it like 2030-01-15T17:00, in UTC.",
            field,
        )),
    }
}

fn wrong(sentence: &str, field: Field) -> FormError {
    FormError::new(StatusCode::UNPROCESSABLE_ENTITY, sentence, field)
}

/// `GET /review/deputy`
pub(crate) async fn show(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    unsent: Unsent,
) -> Result<Response, PageError> {
    let mut typed = DeputyInput::read(&unsent.fields, unsent.wrong);
    if typed.key.is_empty() {
        typed.key = new_secret().0;
    }
    page(&app, &user, &uri, &typed, None).await
}

/// `POST /review/deputy`: show what naming a deputy does, name them, or end it.
pub(crate) async fn send(
    State(app): State<App>,
    user: PageUser,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let me = user.user.id;
    let done = || Ok(Redirect::to("/review/deputy").into_response());
    if fields.get("do") == "end" {
        // Ending is never in the way of a confirmation.
        let principal = fields.number("of").ok_or_else(out_of_date)?;
        deputies::end(&app, me, UserId(principal)).await?;
        return done();
    }
    if let Some(answer) = confirm::first(&app, &user) {
        return Ok(answer);
    }
    let mut typed = DeputyInput::read(&fields, FormError::default());
    let wanted = match typed.wanted() {
        Ok(wanted) => wanted,
        Err(wrong) => {
            typed.wrong = wrong;
            return page(&app, &user, &uri, &typed, None).await;
        }
    };
    let names = match fields.get("do") {
        "check" => false,
        // What was typed since the consequence was shown has another one.
        "name" => fields.get("shown") == typed.values(),
        _ => return Err(out_of_date().into()),
    };
    let checked = match deputies::check(&app, me, &wanted).await {
        Ok(_) if names => {
            let named = name_once(&app, me, &typed.key, wanted).await;
            named.map(|()| None).map_err(Mistake::from)
        }
        Ok(checked) => Ok(Some(checked)),
        Err(mistake) => Err(mistake),
    };
    match checked {
        Ok(None) => done(),
        Ok(Some(checked)) => page(&app, &user, &uri, &typed, Some(&checked)).await,
        Err(Mistake {
            field,
            error: AppError::Refused(problem),
        }) => {
            typed.wrong = FormError::of(&problem);
            if let Some(field) = field {
                typed.wrong = typed.wrong.about(match field {
                    DeputyField::Principal => Field::Principal,
                    DeputyField::Deputy => Field::Login,
                    DeputyField::From => Field::From,
                    DeputyField::Until => Field::Until,
                });
            }
            page(&app, &user, &uri, &typed, None).await
        }
        Err(Mistake { error, .. }) => Err(error.into()),
    }
}

/// Names the deputy; the same form, by its `key`, sent twice names them once.
///
/// # Errors
/// [`Code::Malformed`] when what it named then has ended or been replaced since.
async fn name_once(app: &App, me: UserId, key: &str, wanted: NewDeputy) -> Result<(), AppError> {
    // Sent again with other words, it is another call.
    let call = digest(&serde_json::to_string(&(key, &wanted)).map_err(anyhow::Error::from)?);
    let name: String = call.iter().map(|byte| format!("{byte:02x}")).collect();
    let key = (!key.is_empty()).then(|| IdempotencyKey {
        key: format!("deputy-{name}"),
        call,
    });
    let caller = Caller::from(me);
    let until = wanted.until;
    let answer = run_once(app, Room::Usual, me, key, move |tx, now| {
        Box::pin(async move {
            let named = deputies::name_in(tx, caller, wanted, now).await?;
            Answer::new(200, &(named.principal.id, named.deputy.id))
        })
    })
    .await?;
    // The answer may be an earlier one.
    let named: (UserId, UserId) =
        serde_json::from_str(&answer.body).map_err(anyhow::Error::from)?;
    let all = deputies::list(app, me).await?;
    let stands = all
        .iter()
        .any(|it| (it.principal.id, it.deputy.id, it.until) == (named.0, named.1, until));
    match stands {
        true => Ok(()),
        false => Err(out_of_date()),
    }
}

async fn page(
    app: &App,
    user: &PageUser,
    uri: &Uri,
    typed: &DeputyInput,
    checked: Option<&Deputy>,
) -> Result<Response, PageError> {
    let me = user.user.id;
    let actor = queries::person(app, me).await?.actor;
    let administers = actor.administers();
    // Also where they stand in for nobody at the moment.
    let reviews = app.organisation().await?.reviews_anything(me);
    if !reviews && !actor.sees_all() {
        return Err(AppError::refused(
            Code::Forbidden,
            "You don’t review requests, so you need no deputy.",
        )
        .into());
    }
    let all = deputies::list(app, me).await?;
    let frame = Frame::of(app, user, uri).await?;
    let now = frame.now;
    let list = List {
        token: &user.token,
        me,
        administers,
        now,
    };
    let page = Page {
        title: "Out of office",
        place: Place::Review,
        width: Width::Narrow,
        live: Live::Off,
    };
    let main = html! {
        h1 { "Out of office" }
        p.lead { "Somebody else who reviews requests decides for you while you’re away." }
        (typed.wrong.complaint())
        @if !all.is_empty() {
            section #deputies {
                h2 { "Deputies" }
                ul.rows { @for it in &all { (list.row(it)) } }
            }
        }
        @if reviews {
            section #name {
                h2 { "Name a deputy" }
                (form(&user.token, typed, checked, administers, now))
            }
        }
        p.foot { a.btn.ghost href="/review" { "All requests" } span {} }
    };
    Ok(frame.answer(typed.wrong.status(), &page, &main))
}

/// How deputies are listed for one person.
struct List<'a> {
    token: &'a FormToken,
    me: UserId,
    administers: bool,
    now: Time,
}

impl List<'_> {
    fn row(&self, it: &Deputy) -> Markup {
        let of = it.principal.id;
        html! {
            li.row #{ "deputy-of-" (of) } {
                div.what {
                    div.name { (person(&it.deputy)) " for " (person(&it.principal)) }
                    div.sub {
                        @if it.holds { span.state.open { "Now" } } @else {
                            span.state.wait { "From " (moment(it.from, self.now)) }
                        }
                        span.state { "until " (moment(it.until, self.now)) }
                        @if it.named_by.id != of {
                            span.state { "named by " (person(&it.named_by)) }
                        }
                    }
                }
                @if of == self.me || self.administers {
                    form.acts #{ "end-" (of) } method="post" action="/review/deputy" {
                        (token_field(self.token))
                        input type="hidden" name="of" value=(of);
                        button.btn.danger name="do" value="end"
                            aria-label={ "End now: " (plain(&it.deputy.name)) " for "
                                (plain(&it.principal.name)) } { "End now" }
                    }
                }
            }
        }
    }
}

fn form(
    token: &FormToken,
    typed: &DeputyInput,
    checked: Option<&Deputy>,
    administers: bool,
    now: Time,
) -> Markup {
    let wrong = &typed.wrong;
    html! {
        form.stack #deputy method="post" action="/review/deputy" {
            (token_field(token))
            input type="hidden" name="key" value=(typed.key);
            @if administers {
                label for="principal" { "For whom? " span.optional { "you, if left out" } }
                input.field #principal name="principal" value=(typed.principal) autocomplete="off"
                    spellcheck="false" placeholder="the name they sign in with"
                    autofocus[wrong.is(Field::Principal)]
                    aria-invalid=[wrong.invalid(Field::Principal)]
                    aria-describedby=[wrong.described_by(Field::Principal, "")];
            }
            label for="login" { "Who decides?" }
            input.field #login name="login" value=(typed.login) autocomplete="off" spellcheck="false"
                required placeholder="the name they sign in with"
                autofocus[wrong.is(Field::Login)] aria-invalid=[wrong.invalid(Field::Login)]
                aria-describedby=[wrong.described_by(Field::Login, "")];
            label for="from" { "From (UTC) " span.optional { "now, if left out" } }
            input.field #from type="datetime-local" name="from" value=(typed.from)
                autofocus[wrong.is(Field::From)] aria-invalid=[wrong.invalid(Field::From)]
                aria-describedby=[wrong.described_by(Field::From, "")];
            label for="until" { "Until (UTC), at most 30 days" }
            input.field #until type="datetime-local" name="until" value=(typed.until) required
                autofocus[wrong.is(Field::Until)] aria-invalid=[wrong.invalid(Field::Until)]
                aria-describedby=[wrong.described_by(Field::Until, "")];
            @if let Some(it) = checked {
                input type="hidden" name="shown" value=(typed.values());
                (consequence(it, now))
            }
            p.foot {
                span {}
                @match checked {
                    Some(_) => {
                        button.btn name="do" value="check" { "Check again" }
                        button.btn.primary name="do" value="name" { "Name deputy" }
                    },
                    None => button.btn.primary name="do" value="check" { "Continue" },
                }
            }
        }
    }
}

/// What follows, before it is done.
fn consequence(it: &Deputy, now: Time) -> Markup {
    let name = |of: &Person| html! { bdi { (plain(&of.name)) } };
    html! {
        div.bar #consequence tabindex="-1" role="status" {
            p {
                b { (name(&it.deputy)) } " decides for " b { (name(&it.principal)) } " from "
                (moment(it.from, now)) " until " (moment(it.until, now)) ", and sees what waits for "
                (name(&it.principal)) ". What " (name(&it.principal)) " or " (name(&it.deputy))
                " asked for stays with other reviewers. Administrators are told. A deputy named before is \
                 replaced."
            }
        }
    }
}

/// For whom somebody decides now, above their queue.
pub(super) fn banner(all: &[Deputy], me: UserId, now: Time) -> Markup {
    let mine = |it: &&Deputy| it.holds && (it.deputy.id == me || it.principal.id == me);
    html! {
        @for it in all.iter().filter(mine) {
            div.bar {
                p {
                    @if it.deputy.id == me {
                        "You decide for " (person(&it.principal)) " until " (moment(it.until, now)) ". "
                    } @else {
                        (person(&it.deputy)) " decides for you until " (moment(it.until, now)) ". "
                    }
                    a href="/review/deputy" { "Out of office" }
                }
            }
        }
    }
}
