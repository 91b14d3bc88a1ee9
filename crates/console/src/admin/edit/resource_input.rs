//! The form of a resource: where it is, what people are told of it, and who may approve requests for it.

use hourkey_access::overview::Overview;
use hourkey_domain::ids::{GroupId, NetworkId, ResourceId};
use hourkey_domain::organisation::Resource;
use hourkey_domain::settings::{Approval, Mode, Period, Settings};
use hourkey_domain::text::is_unsafe;
use maud::{Markup, html};

use super::about_input::{AboutInput, wrong};
use super::flow::line;
use crate::form::{Fields, FormError};
use crate::layout::plain;

/// What was typed.
#[derive(Clone, Debug, Default)]
pub(super) struct ResourceInput {
    name: String,
    address: String,
    ports: String,
    alias: String,
    network: i64,
    tags: String,
    url: String,
    keep_alive_offline: bool,
    approvers: Vec<i64>,
    about: AboutInput,
}

impl ResourceInput {
    pub(super) fn read(fields: &Fields) -> Self {
        let text = |name| fields.get(name).trim().to_owned();
        Self {
            name: text("name"),
            address: text("address"),
            ports: text("ports"),
            alias: text("alias"),
            network: fields.number("network").unwrap_or_default(),
            tags: text("tags"),
            url: text("url"),
            keep_alive_offline: fields.has("keep_alive_offline"),
            approvers: fields
                .all("approver")
                .filter_map(|id| id.parse().ok())
                .collect(),
            about: AboutInput::read(fields),
        }
    }

    pub(super) fn of(resource: &Resource, view: &Overview) -> Self {
        Self {
            about: AboutInput::of(&resource.about, view),
            name: resource.name.clone(),
            address: resource.address.to_string(),
            ports: resource.ports.to_string(),
            alias: resource.alias.clone().unwrap_or_default(),
            network: resource.network.0,
            tags: resource.tags.join(", "),
            url: resource.url.clone().unwrap_or_default(),
            keep_alive_offline: resource.keep_alive_offline,
            approvers: resource.approvers.iter().map(|group| group.0).collect(),
        }
    }

    /// The resource of this id with what was typed; a new one is asked for, for an hour, and a reviewer
    /// approves. What the form does not offer its reader stays as it was, unless it was sent all the same:
    /// saving refuses that.
    ///
    /// # Errors
    /// Says what cannot be read, and what to type.
    pub(super) fn resource(
        &self,
        before: Option<&Resource>,
        view: &Overview,
    ) -> Result<Resource, FormError> {
        let settings = Settings {
            mode: Mode::AccessRequest,
            period: Period::Preset(hourkey_domain::length::Length::HOUR),
            approval: Approval::Manual,
            lock_after: 30,
        };
        let address = self.address.parse().map_err(|error| {
            let address = plain(&self.address);
            wrong(&format!(
                "“{address}” is no address: {error}. Write a name such as \
                            db.corp.example, *.corp.example, an IP address or 10.0.0.0/24."
            ))
        })?;
        let ports = self.ports.parse().map_err(|error| {
            let ports = plain(&self.ports);
            wrong(&format!(
                "“{ports}” are no ports: {error}. Write them like 443, 8000-8010, or \
                            leave them out for all."
            ))
        })?;
        let is_web = |url: &str| {
            url::Url::parse(url)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        };
        if !self.url.is_empty() && !is_web(&self.url) {
            return Err(wrong("The web address begins with https:// or http://."));
        }
        let tags = self
            .tags
            .split(',')
            .map(str::trim)
            .filter(|tag| !tag.is_empty());
        let tags: Vec<_> = tags.map(str::to_owned).collect();
        let texts = [&self.alias].into_iter().chain(&tags);
        if texts.into_iter().any(|text| text.chars().any(is_unsafe)) {
            return Err(wrong(
                "The alias or a tag has characters that cannot be seen.",
            ));
        }
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        Ok(Resource {
            id: before.map_or(ResourceId(0), |before| before.id),
            name: self.name.clone(),
            address,
            ports,
            alias: some(&self.alias),
            network: NetworkId(self.network),
            tags,
            url: some(&self.url),
            keep_alive_offline: self.keep_alive_offline,
            settings: before.map_or(settings, |before| before.settings),
            approvers: self.approvers(before, view),
            about: self.about.about(before.map(|before| &before.about), view)?,
        })
    }

    /// In order of id, as they are kept.
    fn approvers(&self, before: Option<&Resource>, view: &Overview) -> Vec<GroupId> {
        let of_before = before.map_or(&[][..], |before| &before.approvers);
        let offered = |group| view.may_name_approvers(before.map(|it| it.id), Some(group));
        let kept = of_before.iter().copied().filter(|group| !offered(*group));
        let typed = self.approvers.iter().copied().map(GroupId);
        let mut all: Vec<_> = kept.chain(typed).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(super) fn fields(&self, view: &Overview, before: Option<&Resource>) -> Markup {
        let of = &view.organisation;
        let mut networks: Vec<_> = of.networks().collect();
        networks.sort_by_key(|network| network.name.to_lowercase());
        let mut groups: Vec<_> = of.groups().collect();
        groups.sort_by_key(|group| group.name.to_lowercase());
        html! {
            (line("name", "Name", &self.name, ""))
            (line("address", "Address", &self.address,
                "A name, *.name, an IP address or a range such as 10.0.0.0/24."))
            (line("ports", "Ports (optional)", &self.ports, "443, 8000-8010; all if left out."))
            label for="network" { "Network" }
            select.field #network name="network" required {
                @for network in &networks {
                    option value=(network.id) selected[self.network == network.id.0] {
                        (plain(&network.name))
                    }
                }
            }
            p.hint { a href="/networks/new" { "New network…" } }
            (line("alias", "Alias (optional)", &self.alias, "A shorter name to reach it by."))
            (line("tags", "Tags (optional)", &self.tags, "With commas between."))
            (line("url", "Web address (optional)", &self.url,
                "Where Open in browser goes, if not where the address says."))
            (self.about.fields(view))
            fieldset {
                legend { "Approvers" }
                @if view.may_name_approvers(before.map(|it| it.id), None) {
                    p.hint { "Groups whose members may approve requests for it, beside those who review every \
                              request." }
                } @else {
                    p.hint { "You can reach this resource yourself: an administrator names who approves \
                              requests for it." }
                }
                div.checks {
                    @for group in &groups {
                        @if view.may_name_approvers(before.map(|it| it.id), Some(group.id)) {
                            label {
                                input type="checkbox" name="approver" value=(group.id)
                                    checked[self.approvers.contains(&group.id.0)];
                                " " bdi { (plain(&group.name)) }
                            }
                        } @else if before.is_some_and(|it| it.approvers.contains(&group.id)) {
                            span { bdi { (plain(&group.name)) } }
                        }
                    }
                }
            }
            fieldset {
                legend { "While a gateway does not hear the controller" }
                label {
                    input type="checkbox" name="keep_alive_offline" checked[self.keep_alive_offline];
                    " Connections go on, up to the end of their access"
                }
            }
        }
    }
}
