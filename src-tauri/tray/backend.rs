//! Renders [`Tray`] through Tauri. Keeps its handles, sets only the texts that changed, and makes
//! a new menu only when the set of entries changed. Lives on the main thread.

use std::cell::RefCell;

use tauri::image::Image;
use tauri::menu::{IsMenuItem, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};
use tokio::sync::mpsc;

use super::Tray;
use super::icon::{self, Icon};
use super::menu::{Item, Menu, MenuEntry};
use crate::event::Event;
use crate::intent::Intent;

thread_local! {
    static BACKEND: RefCell<Option<Backend>> = const { RefCell::new(None) };
}

/// Shows the tray, on the main thread. It is made when it is shown for the first time.
pub fn show(app: &AppHandle, tray: Tray, events: &mpsc::Sender<Event>) {
    BACKEND.with_borrow_mut(|backend| {
        let result = match backend {
            Some(backend) => backend.update(app, tray),
            None => Backend::new(app, tray, events).map(|new| *backend = Some(new)),
        };
        if let Err(error) = result {
            *backend = None;
            let _ = events.try_send(Event::TrayFailed(format!("({error})")));
        }
    });
}

/// Takes the tray away, on the main thread.
pub fn remove(app: &AppHandle) {
    BACKEND.with_borrow_mut(|backend| {
        if backend.take().is_some() {
            // Tauri keeps a handle of its own.
            app.remove_tray_by_id(ID);
        }
    });
}

/// What a click on the menu entry with this id asks for.
#[must_use]
pub fn intent(id: &str) -> Option<Intent> {
    serde_json::from_str(id).ok()
}

const ID: &str = "hourkey";

struct Backend {
    icon: TrayIcon,
    handles: Vec<Handle>,
    shown: Tray,
}

/// The entries whose texts change in place.
enum Handle {
    Fixed,
    Text(MenuItem<Wry>),
    Row(Submenu<Wry>),
}

impl Backend {
    fn new(app: &AppHandle, tray: Tray, events: &mpsc::Sender<Event>) -> tauri::Result<Self> {
        let (menu, handles) = build(app, &tray.menu)?;
        let clicks = events.clone();
        let icon = TrayIconBuilder::with_id(ID)
            .icon(picture(&tray)?)
            .icon_as_template(true)
            .tooltip(&tray.tooltip)
            .title("Hourkey")
            .menu(&menu)
            .show_menu_on_left_click(cfg!(target_os = "macos"))
            .on_tray_icon_event(move |_, event| {
                if let TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                } = event
                    && cfg!(not(target_os = "macos"))
                {
                    // Full only when nothing is being handled: one click more would not help.
                    let _ = clicks.try_send(Event::click(Intent::Show { tab: None }));
                }
            })
            .build(app)?;
        Ok(Self {
            icon,
            handles,
            shown: tray,
        })
    }

    fn update(&mut self, app: &AppHandle, tray: Tray) -> tauri::Result<()> {
        if (tray.icon, tray.is_marked) != (self.shown.icon, self.shown.is_marked) {
            self.icon
                .set_icon_with_as_template(Some(picture(&tray)?), true)?;
        }
        if tray.tooltip != self.shown.tooltip {
            self.icon.set_tooltip(Some(&tray.tooltip))?;
        }
        if same_entries(&tray.menu, &self.shown.menu) {
            let entries = tray.menu.0.iter().zip(&self.shown.menu.0);
            for ((now, before), handle) in entries.zip(&self.handles) {
                let text = escaped(label(now));
                match handle {
                    _ if label(now) == label(before) => {}
                    Handle::Fixed => {}
                    Handle::Text(item) => item.set_text(text)?,
                    Handle::Row(submenu) => submenu.set_text(text)?,
                }
            }
        } else {
            let (menu, handles) = build(app, &tray.menu)?;
            self.icon.set_menu(Some(menu))?;
            self.handles = handles;
        }
        self.shown = tray;
        Ok(())
    }
}

fn build(app: &AppHandle, menu: &Menu) -> tauri::Result<(tauri::menu::Menu<Wry>, Vec<Handle>)> {
    let built = tauri::menu::Menu::new(app)?;
    let mut handles = Vec::new();
    for entry in &menu.0 {
        match entry {
            MenuEntry::Separator => {
                built.append(&PredefinedMenuItem::separator(app)?)?;
                handles.push(Handle::Fixed);
            }
            MenuEntry::Text(text) => {
                let text = MenuItem::new(app, escaped(text), false, None::<&str>)?;
                built.append(&text)?;
                handles.push(Handle::Text(text));
            }
            MenuEntry::Item(item) => {
                let item = click(app, item)?;
                built.append(&item)?;
                handles.push(Handle::Text(item));
            }
            MenuEntry::Row {
                label, note, items, ..
            } => {
                let note = note
                    .iter()
                    .map(|note| MenuItem::new(app, escaped(note), false, None::<&str>));
                let items: Vec<MenuItem<Wry>> = note
                    .chain(items.iter().map(|item| click(app, item)))
                    .collect::<tauri::Result<_>>()?;
                let items: Vec<&dyn IsMenuItem<Wry>> = items
                    .iter()
                    .map(|item| item as &dyn IsMenuItem<Wry>)
                    .collect();
                let row = Submenu::with_items(app, escaped(label), true, &items)?;
                built.append(&row)?;
                handles.push(Handle::Row(row));
            }
        }
    }
    Ok((built, handles))
}

fn click(app: &AppHandle, item: &Item) -> tauri::Result<MenuItem<Wry>> {
    let id = serde_json::to_string(&item.intent)?;
    MenuItem::with_id(app, id, escaped(&item.label), true, None::<&str>)
}

/// True when only labels of texts, items and rows differ.
fn same_entries(one: &Menu, other: &Menu) -> bool {
    one.0.len() == other.0.len()
        && one
            .0
            .iter()
            .zip(&other.0)
            .all(|(one, other)| match (one, other) {
                (MenuEntry::Separator, MenuEntry::Separator)
                | (MenuEntry::Text(_), MenuEntry::Text(_)) => true,
                (MenuEntry::Item(one), MenuEntry::Item(other)) => one.intent == other.intent,
                (
                    MenuEntry::Row {
                        resource,
                        note,
                        items,
                        ..
                    },
                    MenuEntry::Row {
                        resource: other,
                        note: other_note,
                        items: others,
                        ..
                    },
                ) => resource == other && note == other_note && items == others,
                (
                    MenuEntry::Separator
                    | MenuEntry::Text(_)
                    | MenuEntry::Item(_)
                    | MenuEntry::Row { .. },
                    _,
                ) => false,
            })
}

fn label(entry: &MenuEntry) -> &str {
    match entry {
        MenuEntry::Separator => "",
        MenuEntry::Text(label) | MenuEntry::Row { label, .. } => label,
        MenuEntry::Item(item) => &item.label,
    }
}

/// Menus take `&` for the mark of a keyboard shortcut; twice it is itself. What else a platform
/// reads so (`_` on Linux), its part of Tauri escapes.
fn escaped(label: &str) -> String {
    label.replace('&', "&&")
}

fn picture(tray: &Tray) -> tauri::Result<Image<'static>> {
    let image = Image::from_bytes(match tray.icon {
        Icon::Locked => include_bytes!("../../icons/tray/locked@2x.png"),
        Icon::Open => include_bytes!("../../icons/tray/open@2x.png"),
        Icon::Soon => include_bytes!("../../icons/tray/soon@2x.png"),
        Icon::Wait => include_bytes!("../../icons/tray/wait@2x.png"),
        Icon::Review => include_bytes!("../../icons/tray/review@2x.png"),
        Icon::Offline => include_bytes!("../../icons/tray/offline@2x.png"),
    })?;
    if !tray.is_marked {
        return Ok(image);
    }
    let mut pixels = image.rgba().to_vec();
    icon::mark(&mut pixels, image.width());
    Ok(Image::new_owned(pixels, image.width(), image.height()))
}
