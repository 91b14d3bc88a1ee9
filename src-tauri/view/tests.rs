use std::collections::BTreeMap;
use std::path::Path;

use super::*;

fn files(folder: &Path) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    files.collect()
}

#[test]
fn the_windows_types_are_generated_from_these() {
    let generated = tempfile::tempdir().unwrap();
    let config = ts_rs::Config::new().with_out_dir(generated.path());
    ViewUpdate::export_all(&config).unwrap();
    Intent::export_all(&config).unwrap();

    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/view");
    let (generated, before) = (files(generated.path()), files(&kept));
    if generated == before {
        return;
    }
    for name in before.keys().filter(|name| !generated.contains_key(*name)) {
        std::fs::remove_file(kept.join(name)).unwrap();
    }
    for (name, text) in &generated {
        std::fs::write(kept.join(name), text).unwrap();
    }
    panic!("ui/src/view was out of date. It is written anew: look at it, and commit it.");
}
