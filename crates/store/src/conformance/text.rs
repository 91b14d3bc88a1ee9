//! Text that is out for trouble.

use std::sync::Arc;

use super::sample::{group, resource, sample, user};
use super::write;
use crate::Store;
use crate::organisation::{Resource, User};

/// Names, reasons and the like are bytes to the store: markup, quotes, control characters, bidi
/// overrides, nothing is changed or cut.
pub async fn hostile_text_comes_back_byte_for_byte(store: Arc<dyn Store>) {
    let sample = sample(&store).await;
    for (number, text) in [
        "'; DROP TABLE users; --",
        "<script>alert(1)</script>&amp;",
        "=HYPERLINK(\"http://x\")",
        "a\0b\u{1}\u{7f}\r\n\t",
        "\u{202e}gnp.exe\u{2066}\u{feff}",
        "% _ \\ \" ` ? ?1 :a $1 {}",
        "z\u{335}\u{321}a\u{323}l\u{334}go 😀 𝕏",
        " leading and trailing ",
        "e\u{301} is not \u{e9}",
    ]
    .into_iter()
    .enumerate()
    {
        let text = text.to_owned();
        let expected = text.clone();
        let (id, resource, request) = write!(store, |tx| {
            let user = User {
                name: text.clone(),
                email: Some(text.clone()),
                ..user(&text)
            };
            let id = tx.insert_user(user).await?;
            tx.insert_group(group(&text, [id])).await?;
            let network = tx.insert_network(&text).await?;
            let resource = Resource {
                name: text.clone(),
                alias: Some(text.clone()),
                tags: vec![text.clone(), String::new()],
                url: Some(text.clone()),
                ..resource(&format!("r{number}"), network)
            };
            let resource = tx.insert_resource(resource).await?;
            let mut request = sample.request();
            request.user = id;
            request.reason = text.clone().try_into().unwrap();
            Ok((id, resource, tx.insert_request(request).await?))
        });
        let mut read = store.read().await.unwrap();
        let user = read.user(id).await.unwrap().unwrap();
        assert_eq!(user.login, expected.to_lowercase());
        assert_eq!(user.name, expected);
        assert_eq!(user.email.as_deref(), Some(expected.as_str()));
        let by_login = read.user_by_login(&expected).await.unwrap();
        assert_eq!(
            by_login.map(|user| user.id),
            Some(id),
            "{expected:?} signs in"
        );
        let (resource, _) = read.resource(resource).await.unwrap().unwrap();
        assert_eq!(resource.name, expected);
        assert_eq!(resource.alias.as_deref(), Some(expected.as_str()));
        assert_eq!(resource.tags, [expected.as_str(), ""]);
        assert_eq!(resource.url.as_deref(), Some(expected.as_str()));
        let network = read.network_name(resource.network).await.unwrap();
        assert_eq!(network.as_deref(), Some(expected.as_str()));
        let request = read.request(request).await.unwrap().unwrap();
        assert_eq!(request.reason.as_str(), expected);
    }
}
