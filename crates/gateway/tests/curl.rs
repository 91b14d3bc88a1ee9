//! curl, straight at the gateway, as a proxy of HTTP/1.1 and of HTTP/2.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod test_env;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use test_env::client::Device;
use test_env::origin::Ending;
use test_env::{ANN, DB, TestEnv, eventually, soon};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

/// A method that makes the origin send without end: it begins with [`test_env::origin::SOURCE`].
const STREAM: &str = "stream";

#[tokio::test]
async fn curl_is_let_in_refused_and_cut_over_http_1() {
    let plain = |identity: &Identity, proxy: &str, method: &str, to: &str| {
        let mut curl = Command::new("/usr/bin/curl");
        curl.args(["--silent", "--show-error", "--verbose", "--http0.9"])
            .args(["--proxytunnel", "--proxy", proxy])
            .arg("--proxy-cacert")
            .arg(&identity.authority)
            .arg("--proxy-cert")
            .arg(&identity.certificate)
            .arg("--proxy-key")
            .arg(&identity.key)
            .args(["--request", method, to]);
        curl
    };
    is_let_in_refused_and_cut("CONNECT phase completed", plain).await;
}

/// curl(1) of Debian 12 cannot speak HTTP/2 to a proxy: libcurl can since 8.1.
#[tokio::test]
async fn curl_is_let_in_refused_and_cut_over_http_2() {
    // `cargo xtask test` makes it.
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python/bin/python");
    assert!(
        python.is_file(),
        "run `cargo xtask test`, which installs a libcurl"
    );
    let plain = |identity: &Identity, proxy: &str, method: &str, to: &str| {
        let mut curl = Command::new(&python);
        curl.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/curl.py"))
            .arg(proxy)
            .arg(&identity.authority)
            .arg(&identity.certificate)
            .arg(&identity.key)
            .args([method, to]);
        curl
    };
    is_let_in_refused_and_cut("CONNECT phase completed for HTTP/2 proxy", plain).await;
}

/// `negotiated` is what curl says of the protocol it speaks with the proxy.
async fn is_let_in_refused_and_cut(
    negotiated: &str,
    curl: impl Fn(&Identity, &str, &str, &str) -> Command,
) {
    let env = TestEnv::new().await;
    let ann = env.ann().await;
    let identity = Identity::write(&env, &ann);
    let proxy = format!("https://{}", ann.gateway);
    let run = |method: &str, to: &str| {
        let mut command = curl(&identity, &proxy, method, to);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).spawn().unwrap()
    };

    let got = output(run("GET", "http://db.corp:5432/")).await;
    assert_eq!(got.text, "Hello\n", "{}", got.said);
    assert!(got.said.contains(negotiated), "{}", got.said);

    let refused = output(run("GET", "http://wiki.corp:443/")).await;
    assert_ne!(refused.code, 0, "{}", refused.said);
    assert_eq!(refused.text, "", "{}", refused.said);
    assert!(refused.said.contains("403"), "{}", refused.said);
    let header = "hourkey-refusal: no-permit";
    assert!(refused.said.contains(header), "{}", refused.said);

    let mut sending = run(STREAM, "http://db.corp:5432/");
    let mut stdout = sending.stdout.take().unwrap();
    soon("bytes", stdout.read_exact(&mut vec![0; 1 << 20]))
        .await
        .unwrap();
    env.controller.revoke(ANN, DB);
    let mut rest = tokio::io::sink();
    soon("the last byte", tokio::io::copy(&mut stdout, &mut rest))
        .await
        .unwrap();
    let cut = output(sending).await;
    assert_ne!(cut.code, 0, "{}", cut.said);
    eventually("the end at the origin", || {
        env.origin.endings().last() == Some(&Ending::Broken)
    })
    .await;
}

/// How curl ended.
struct Output {
    code: i32,
    text: String,
    said: String,
}

async fn output(curl: Child) -> Output {
    let output = soon("curl's end", curl.wait_with_output()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output {
        code: output.status.code().unwrap(),
        text: text(output.stdout),
        said: text(output.stderr),
    }
}

/// A device's identity as files.
struct Identity {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Identity {
    fn write(env: &TestEnv, device: &Device) -> Self {
        let write = |name: &str, text: &str| {
            let path = env.folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        Self {
            authority: write("ca.pem", &env.controller.gateways_authority()),
            certificate: write("device.pem", &device.certificate),
            key: write("device-key.pem", &device.key.to_pem()),
        }
    }
}
