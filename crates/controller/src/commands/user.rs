//! `user`: accounts from the terminal of the controller's host.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use hourkey_access::directory::{self, Directory};
use hourkey_access::identity::password::{self, Hasher, Priority};
use hourkey_access::identity::{account, reset, second_factor, session};
use hourkey_access::mail;
use hourkey_access::reconcile::reconcile;
use hourkey_domain::Time;
use hourkey_domain::audit::AuditAction;
use hourkey_domain::ids::UserId;
use hourkey_domain::review::Role;
use hourkey_domain::text::{for_terminal, json_for_terminal};
use hourkey_store::log::{Entity, Entry, Subject};
use hourkey_store::organisation::User;
use hourkey_store::{Room, StoreError, Write, transact};
use hourkey_terminal as terminal;

use super::effects::print_effects;
use super::opened::{Opened, told};
use super::settings::Flags;

/// What to do with which user.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// List all users.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Add a user.
    Add {
        /// The name to sign in with.
        login: String,
        /// The display name.
        #[arg(long)]
        name: String,
        /// The mail address.
        #[arg(long)]
        email: Option<String>,
        /// May review every request.
        #[arg(long)]
        access_reviewer: bool,
        /// May do everything.
        #[arg(long)]
        admin: bool,
    },
    /// Disable a user: their sessions and their access end now.
    Disable {
        /// The name they sign in with.
        login: String,
    },
    /// Enable a user again. What ended stays ended.
    Enable {
        /// The name they sign in with.
        login: String,
    },
    /// Set a password, read from standard input.
    SetPassword {
        /// The name they sign in with.
        login: String,
        /// Read the password from standard input, up to the end of the line.
        #[arg(long, required = true)]
        stdin: bool,
    },
    /// Print a link with which the user sets a password, within 24 hours and once.
    ResetLink {
        /// The name they sign in with.
        login: String,
        #[command(flatten)]
        flags: Flags,
    },
    /// Reset a user's two-step sign-in: their password alone signs them in until they set it up again.
    ResetTwoStep {
        /// The name they sign in with.
        login: String,
    },
    /// Sign a user out everywhere.
    EndSessions {
        /// The name they sign in with.
        login: String,
    },
}

/// Runs one of them.
pub(crate) async fn run(data: &Path, opened: &Opened, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List { json } => list(opened, json).await,
        Command::Add {
            login,
            name,
            email,
            access_reviewer,
            admin,
        } => {
            if let Some(address) = &email {
                mail::check_address(address).map_err(anyhow::Error::msg)?;
            }
            let mut roles = vec![Role::Member];
            roles.extend(access_reviewer.then_some(Role::AccessReviewer));
            roles.extend(admin.then_some(Role::Admin));
            let user = User {
                id: UserId(0),
                login: account::check_login(&login).map_err(told)?,
                name: account::check_name(&name).map_err(told)?,
                email,
                roles,
                disabled: false,
                since: None,
            };
            add(opened, user).await
        }
        Command::Disable { login } => set_disabled(opened, &login, true).await,
        Command::Enable { login } => set_disabled(opened, &login, false).await,
        Command::SetPassword { login, stdin: _ } => set_password(opened, &login).await,
        Command::ResetLink { login, flags } => {
            let user = find(opened, &login).await?;
            let public_url = flags.public_url(data)?;
            let link = reset::make_link(&opened.store, &public_url, user.id, opened.now())
                .await
                .map_err(told)?;
            terminal::line(&link)?;
            terminal::note(format_args!(
                "Give this to {} in person. It works once, for 24 hours.",
                for_terminal(&user.name)
            ));
            Ok(())
        }
        Command::ResetTwoStep { login } => reset_two_step(opened, &login).await,
        Command::EndSessions { login } => end_sessions(opened, &login).await,
    }
}

async fn list(opened: &Opened, json: bool) -> anyhow::Result<()> {
    for user in opened.store.read().await?.organisation().await?.users {
        if json {
            let row = serde_json::json!({
                "id": user.id, "login": user.login, "name": user.name, "email": user.email,
                "roles": user.roles, "disabled": user.disabled,
            });
            terminal::line(json_for_terminal(&row.to_string()))?;
            continue;
        }
        let roles: Vec<_> = user.roles.iter().map(|role| format!("{role:?}")).collect();
        let disabled = if user.disabled { "  disabled" } else { "" };
        let row = format!(
            "{:<16}  {:<24}  {}{disabled}",
            user.login,
            user.name,
            roles.join(", ")
        );
        terminal::line(for_terminal(&row))?;
    }
    Ok(())
}

async fn add(opened: &Opened, user: User) -> anyhow::Result<()> {
    let now = opened.now();
    let login = user.login.clone();
    transact(&opened.store, Room::Usual, move |tx| {
        Box::pin(async move {
            let detail = serde_json::json!({ "login": user.login, "roles": user.roles });
            let id = match tx.insert_user(user).await {
                Err(StoreError::Duplicate(_)) => bail!("there is a user with this login already"),
                added => added?,
            };
            tx.start_counts(now).await?;
            tx.set_setup_code(None).await?;
            record(tx, AuditAction::UserAdded, id, detail, now).await
        })
    })
    .await?;
    terminal::line(format_args!(
        "{login} is added. Set a password, or print a link for it:"
    ))?;
    terminal::line(format_args!("  hourkey-controller user reset-link {login}"))?;
    Ok(())
}

async fn set_disabled(opened: &Opened, login: &str, disabled: bool) -> anyhow::Result<()> {
    let now = opened.now();
    let id = find(opened, login).await?.id;
    let of = login.to_owned();
    let known = Directory::default().current(&opened.store).await;
    let known = known.map_err(told)?;
    let done = transact(&opened.store, Room::Kept, move |tx| {
        Box::pin(async move {
            let before = directory::advanced(tx, &known).await.map_err(told)?;
            let Some(user) = before.user(id) else {
                bail!("{of} was removed meanwhile");
            };
            let is_admin = |user: &User| !user.disabled && user.roles.contains(&Role::Admin);
            let has_other = before
                .users()
                .any(|other| other.id != id && is_admin(other));
            if disabled && is_admin(user) && !has_other {
                bail!("{of} is the last enabled admin and stays enabled");
            }
            let user = (**user).clone();
            tx.update_user(User { disabled, ..user }).await?;
            let action = if disabled {
                AuditAction::UserDisabled
            } else {
                AuditAction::UserEnabled
            };
            record(tx, action, id, serde_json::json!({ "user": id }), now).await?;
            if disabled {
                let why = "the account was disabled";
                session::end_all(tx, id, None, None, why, now)
                    .await
                    .map_err(told)?;
            }
            let after = reconcile(tx, &before, None, now).await.map_err(told)?;
            Ok((before, after))
        })
    });
    let (before, after) = done.await?;
    terminal::line(format_args!(
        "{login} is {}.",
        if disabled { "disabled" } else { "enabled" }
    ))?;
    print_effects(&before, &after, now)
}

async fn set_password(opened: &Opened, login: &str) -> anyhow::Result<()> {
    let now = opened.now();
    let id = find(opened, login).await?.id;
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("standard input cannot be read")?;
    let new = text.lines().next().unwrap_or_default().to_owned();
    password::check_new(&new).map_err(told)?;
    let hash = Hasher::default().hash(new, Priority::Known).await;
    let hash = hash.map_err(told)?;
    transact(&opened.store, Room::Kept, move |tx| {
        Box::pin(async move { account::set_password(tx, id, &hash, None, None, now).await })
    })
    .await
    .map_err(told)?;
    terminal::line(format_args!(
        "{login} has a new password, and is signed out everywhere."
    ))?;
    Ok(())
}

async fn reset_two_step(opened: &Opened, login: &str) -> anyhow::Result<()> {
    let now = opened.now();
    let id = find(opened, login).await?.id;
    transact(&opened.store, Room::Usual, move |tx| {
        Box::pin(second_factor::reset_in(tx, id, None, now))
    })
    .await
    .map_err(told)?;
    terminal::line(format_args!(
        "{login} signs in by password alone, until they set two-step sign-in up again."
    ))?;
    Ok(())
}

async fn end_sessions(opened: &Opened, login: &str) -> anyhow::Result<()> {
    let now = opened.now();
    let id = find(opened, login).await?.id;
    let why = "ended on the command line";
    transact(&opened.store, Room::Kept, move |tx| {
        Box::pin(session::end_all(tx, id, None, None, why, now))
    })
    .await
    .map_err(told)?;
    terminal::line(format_args!("{login} is signed out everywhere."))?;
    Ok(())
}

/// Records what somebody with access to the controller's host did: no user of Hourkey.
async fn record(
    tx: &mut dyn Write,
    action: AuditAction,
    user: UserId,
    detail: serde_json::Value,
    at: Time,
) -> anyhow::Result<()> {
    let entry = Entry {
        at,
        actor: None,
        action,
        subject: Subject::Organisation {
            entity: Entity::User(user),
        },
        detail,
    };
    tx.record(entry).await?;
    Ok(())
}

async fn find(opened: &Opened, login: &str) -> anyhow::Result<User> {
    let user = opened.store.read().await?.user_by_login(login).await?;
    user.with_context(|| format!("there is no user {login:?}; `user list` shows all"))
}
