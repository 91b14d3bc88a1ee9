//! The description of the API, against which every answer of every test is checked.

use std::sync::LazyLock;

use axum::http::Method;
use boon::{Compiler, Schemas};
use hourkey_controller::api::openapi;
use serde_json::Value;

use super::Answer;

/// The description as it is served.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&openapi().to_json().unwrap()).unwrap());

/// The answer is one that the description promises for this call.
pub fn check_answer(method: &Method, path: &str, answer: &Answer) {
    let Some(template) = template(path) else {
        return;
    };
    let operation = &DOCUMENT["paths"][&template][method.as_str().to_lowercase()];
    if operation.is_null() {
        assert_eq!(answer.status, 405, "{method} {path} is not described");
        return;
    }
    let status = answer.status.as_str();
    let response = &operation["responses"][status];
    assert!(
        !response.is_null(),
        "{method} {path} answers {status}, which is not described"
    );
    if answer.text.is_empty() {
        assert!(
            response["content"].is_null(),
            "{method} {path} is described with a body"
        );
        return;
    }
    let escape = |part: &str| part.replace('~', "~0").replace('/', "~1");
    let schema = format!(
        "/paths/{}/{}/responses/{status}/content/{}/schema",
        escape(&template),
        method.as_str().to_lowercase(),
        escape(&answer.kind),
    );
    check(&schema, &answer.json());
}

/// The data is what the schema at this JSON pointer of the description says.
pub fn check(pointer: &str, data: &Value) {
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler
        .add_resource("http://localhost/openapi", DOCUMENT.clone())
        .unwrap();
    let location = format!(
        "http://localhost/openapi#{}",
        pointer.replace('{', "%7B").replace('}', "%7D")
    );
    let schema = compiler.compile(&location, &mut schemas).unwrap();
    if let Err(error) = schemas.validate(data, schema) {
        panic!("{data:#} is not what {pointer} describes: {error:#}");
    }
}

/// The path as it stands in the description.
fn template(path: &str) -> Option<String> {
    let path = path.split('?').next().unwrap();
    let segments: Vec<_> = path.split('/').collect();
    let templates = DOCUMENT["paths"].as_object().unwrap().keys();
    let fits = |template: &&String| {
        let parts: Vec<_> = template.split('/').collect();
        parts.len() == segments.len()
            && parts.iter().zip(&segments).all(|(part, segment)| {
                part == segment || (part.starts_with('{') && !segment.is_empty())
            })
    };
    templates.into_iter().find(fits).cloned()
}
