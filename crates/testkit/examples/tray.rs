//! A small tray app, for the kit's own tests: it counts clicks in its title and its menu, and says
//! `ready` once it would notice a tray host.
#![allow(clippy::print_stdout, reason = "the test waits for it")]

#[cfg(target_os = "linux")]
mod tray {
    use ksni::menu::{MenuItem, StandardItem, SubMenu};

    pub(super) struct Counter {
        pub(super) clicks: u32,
    }

    impl ksni::Tray for Counter {
        fn id(&self) -> String {
            "counter".to_owned()
        }

        fn title(&self) -> String {
            format!("{} clicks", self.clicks)
        }

        fn icon_name(&self) -> String {
            "counter-icon".to_owned()
        }

        fn menu(&self) -> Vec<MenuItem<Self>> {
            let count = StandardItem {
                label: "Count".to_owned(),
                activate: Box::new(|counter: &mut Self| counter.clicks += 1),
                ..StandardItem::default()
            };
            let never = StandardItem {
                label: "Never".to_owned(),
                enabled: false,
                ..StandardItem::default()
            };
            let more = SubMenu {
                label: format!("Counter · {}", self.clicks),
                submenu: vec![count.into(), never.into()],
                ..SubMenu::default()
            };
            vec![more.into(), MenuItem::Separator]
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), ksni::Error> {
    use ksni::TrayMethods as _;
    let counter = tray::Counter { clicks: 0 };
    let _tray = counter.assume_sni_available(true).spawn().await?;
    println!("ready");
    std::future::pending().await
}

#[cfg(not(target_os = "linux"))]
fn main() {}
