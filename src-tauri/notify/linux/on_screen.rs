//! What is on the screen, and what clicks on it mean.

use std::collections::HashMap;

use crate::event::Activation;
use crate::event::Event;
use crate::message::{Message, Topic};

/// What is on the screen, by the server's ids.
#[derive(Default)]
pub(super) struct OnScreen {
    by_id: HashMap<u32, (Topic, Message)>,
    /// The token that belongs to the next click on a notification.
    tokens: HashMap<u32, Activation>,
    /// Clicks on what is being shown right now: its id is known only with the server's answer.
    early: Vec<(u32, String)>,
}

impl OnScreen {
    /// Remembers what was shown, and hands out the clicks that came before the answer.
    pub(super) fn add(&mut self, id: u32, topic: Topic, message: Message) -> Vec<Event> {
        self.by_id.insert(id, (topic, message));
        let early = std::mem::take(&mut self.early);
        early
            .into_iter()
            .filter_map(|(id, key)| self.clicked(id, &key))
            .collect()
    }

    /// Forgets a topic: what was shown about it, if anything.
    pub(super) fn forget(&mut self, topic: Topic) -> Option<u32> {
        let id = self
            .by_id
            .iter()
            .find_map(|(id, (about, _))| (*about == topic).then_some(*id))?;
        self.by_id.remove(&id);
        self.tokens.remove(&id);
        Some(id)
    }

    /// Takes in a signal of the server. `is_idle` is false while a notification is being shown.
    pub(super) fn heard(&mut self, signal: &zbus::Message, is_idle: bool) -> Option<Event> {
        let header = signal.header();
        let body = signal.body();
        match header.member()?.as_str() {
            "ActivationToken" => {
                let (id, token): (u32, String) = body.deserialize().ok()?;
                self.tokens.insert(id, Activation(token));
                None
            }
            "ActionInvoked" => {
                let (id, key): (u32, String) = body.deserialize().ok()?;
                if !self.by_id.contains_key(&id) && !is_idle {
                    self.early.push((id, key));
                    return None;
                }
                self.clicked(id, &key)
            }
            "NotificationClosed" => {
                let (id, _why): (u32, u32) = body.deserialize().ok()?;
                self.by_id.remove(&id);
                self.tokens.remove(&id);
                None
            }
            // Later versions of the specification may add signals.
            _ => None,
        }
    }

    fn clicked(&mut self, id: u32, key: &str) -> Option<Event> {
        let (_, message) = self.by_id.get(&id)?;
        let button = message.buttons.iter().find(|button| button.label == key);
        let intent = button.map_or(&message.click, |button| &button.action);
        let intent = intent.clone();
        let activation = self.tokens.remove(&id);
        Some(Event::Intent {
            intent,
            activation,
            reply: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{Intent, Tab};
    use hourkey_domain::ids::ResourceId;

    const COPY: Intent = Intent::Copy {
        resource: ResourceId(1),
    };

    fn message() -> Message {
        let button = crate::message::Button {
            label: "Copy address",
            action: COPY,
        };
        Message {
            title: "Grafana is open".to_owned(),
            body: String::new(),
            click: Intent::Show {
                tab: Some(Tab::Resources),
            },
            buttons: vec![button],
        }
    }

    fn signal<B>(member: &str, body: &B) -> zbus::Message
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let interface = "org.freedesktop.Notifications";
        zbus::Message::signal("/org/freedesktop/Notifications", interface, member)
            .unwrap()
            .build(body)
            .unwrap()
    }

    fn clicked(event: Option<Event>) -> (Intent, Option<Activation>) {
        match event {
            Some(Event::Intent {
                intent, activation, ..
            }) => (intent, activation),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_click_comes_with_its_token() {
        let mut shown = OnScreen::default();
        shown.add(7, Topic::Failure, message());
        assert!(
            shown
                .heard(&signal("ActivationToken", &(7_u32, "token")), true)
                .is_none()
        );
        let click = shown.heard(&signal("ActionInvoked", &(7_u32, "Copy address")), true);
        assert_eq!(clicked(click), (COPY, Some(Activation("token".to_owned()))));
        let click = shown.heard(&signal("ActionInvoked", &(7_u32, "default")), true);
        assert_eq!(
            clicked(click),
            (
                Intent::Show {
                    tab: Some(Tab::Resources),
                },
                None
            )
        );
    }

    #[test]
    fn a_click_before_the_servers_answer_is_not_lost() {
        let mut shown = OnScreen::default();
        let early = signal("ActionInvoked", &(7_u32, "Copy address"));
        assert!(shown.heard(&early, false).is_none());
        let mut clicks = shown.add(7, Topic::Failure, message());
        assert_eq!(clicked(clicks.pop()), (COPY, None));
    }

    #[test]
    fn clicks_on_notifications_of_others_and_closed_ones_do_nothing() {
        let mut shown = OnScreen::default();
        shown.add(7, Topic::Failure, message());
        let other = signal("ActionInvoked", &(8_u32, "default"));
        assert!(shown.heard(&other, true).is_none());
        assert!(
            shown
                .heard(&signal("NotificationClosed", &(7_u32, 2_u32)), true)
                .is_none()
        );
        let late = signal("ActionInvoked", &(7_u32, "default"));
        assert!(shown.heard(&late, true).is_none());
        assert_eq!(shown.forget(Topic::Failure), None);
    }
}
