//! Prepares Tauri's context. Without a built `ui/` the app still builds; its window then says what
//! to run, and so does a warning of this build.

use std::path::{Path, PathBuf};
use std::{env, fs};

const MISSING: &str = "ui/dist is missing, so the window only says so: run `npm ci && npm run build` in ui/, then build again";

const PAGE: &str = "<!doctype html><meta charset=utf-8><title>Hourkey</title>\
    <p>The window was not built. Run <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code>, \
    then <code>cargo build</code> again.</p>";

fn main() {
    println!("cargo:rerun-if-changed=ui/dist");
    println!("cargo:rerun-if-changed=icons");
    if !Path::new("ui/dist/index.html").exists() {
        println!("cargo:warning={MISSING}");
        say_so_in_the_window();
    }
    tauri_build::build();
}

/// Points the context at a page of one sentence, outside of the sources.
fn say_so_in_the_window() {
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("page");
    fs::create_dir_all(&folder).expect("OUT_DIR can be written");
    fs::write(folder.join("index.html"), PAGE).expect("OUT_DIR can be written");
    let folder = folder.display().to_string().replace('\\', "/");
    // Tauri merges this variable into tauri.conf.json when it embeds the page.
    println!(r#"cargo:rustc-env=TAURI_CONFIG={{"build":{{"frontendDist":"{folder}"}}}}"#);
}
