//! Reverse proxies in front of the controller: as documented, with their defaults, and with the
//! mistakes that people make.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod site;

use hourkey_testkit::binaries;
use hourkey_testkit::poll::eventually;
use hourkey_testkit::reverse_proxy::{Program, example};
use hourkey_testkit::terminal::ran;
use hourkey_testkit::webdriver::free_port;

use site::{PAGE, Parts, Site, start_proxy};

#[tokio::test]
async fn nginx_as_documented() {
    let site = Site::start(Program::Nginx, "https", |parts| {
        documented("nginx.conf", parts)
    });
    site.await.works_in_a_crowd().await;
}

#[tokio::test]
async fn caddy_as_documented() {
    let site = Site::start(Program::Caddy, "https", |parts| {
        documented("Caddyfile", parts)
    });
    site.await.works_in_a_crowd().await;
}

#[tokio::test]
async fn haproxy_as_documented() {
    let site = Site::start(Program::Haproxy, "https", |parts| {
        documented("haproxy.cfg", parts)
    });
    site.await.works_in_a_crowd().await;
}

#[tokio::test]
async fn nginx_with_its_defaults() {
    let site = Site::start(Program::Nginx, "http", |parts| nginx(parts, ""));
    site.await.works().await;
}

#[tokio::test]
async fn a_proxy_that_buffers_all_the_same_is_told_of_where_it_hurts() {
    let settings = "proxy_ignore_headers X-Accel-Buffering; proxy_buffers 8 64k;";
    let site = Site::start(Program::Nginx, "http", |parts| nginx(parts, settings)).await;
    let gateway = site.gateway().await;
    eventually("the gateway's log", async || {
        says(&gateway.log(), "buffers it")
    })
    .await
    .unwrap();
    let ada = site.terminal("ada").await;
    let proxy = start_proxy(&ada);
    eventually("what `hourkey proxy` says", async || {
        says(&proxy.log(), "buffers it")
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_proxy_that_ends_streams_is_told_of_where_it_hurts() {
    let ended = async |site: Site| {
        let gateway = site.gateway().await;
        let ada = site.terminal("ada").await;
        let proxy = start_proxy(&ada);
        for (what, log) in [
            (
                "the gateway's log",
                &(|| gateway.log()) as &dyn Fn() -> String,
            ),
            ("what `hourkey proxy` says", &|| proxy.log()),
        ] {
            eventually(what, async || {
                says(&log(), "limits how long an answer may last")
            })
            .await
            .unwrap();
        }
    };
    let nginx = Site::start(Program::Nginx, "http", |parts| {
        nginx(parts, "proxy_read_timeout 2s;")
    });
    ended(nginx.await).await;
    let haproxy = Site::start(Program::Haproxy, "https", |parts| {
        documented("haproxy.cfg", parts).replace("timeout server 90s", "timeout server 2s")
    });
    ended(haproxy.await).await;
}

/// What nginx does in front of the calls of gateways, for as long as a file is there.
fn nginx_while(
    there: &std::path::Path,
    location: &str,
    settings: &str,
) -> impl Fn(&Parts) -> String {
    let condition = format!(
        "set $sent $http_authorization; if (-f {}) ",
        there.display()
    );
    let special = format!("location {location} {{ {condition}{{ {settings} }} PASS }}");
    move |parts| {
        let pass = format!(
            "proxy_pass http://{}; proxy_set_header Authorization $sent;",
            parts.controller
        );
        let ordinary = nginx(parts, "");
        ordinary.replace(
            "location / {",
            &format!("{}\nlocation / {{", special.replace("PASS", &pass)),
        )
    }
}

#[tokio::test]
async fn a_proxy_that_answers_itself_removes_no_gateway() {
    for (location, answer, status) in [
        ("/api/", "return 401;", "401 Unauthorized"),
        ("= /api/v1/gateway/ack", "return 401;", "401 Unauthorized"),
        ("/api/", "return 200 '<html>Log in first.';", "200 OK"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let refuse = folder.path().join("refuse");
        let site = Site::start(
            Program::Nginx,
            "http",
            nginx_while(&refuse, location, answer),
        );
        let site = site.await;
        let gateway = site.gateway().await;
        let ada = site.terminal("ada").await;
        let proxy = start_proxy(&ada);
        assert!(site.wiki(&proxy).await.contains(PAGE));
        std::fs::write(&refuse, "").unwrap();
        eventually("the gateway's log", async || {
            says(&gateway.log(), &format!("answers {status} in its place"))
        })
        .await
        .unwrap();
        // The lease goes on.
        let page = site.wiki(&proxy).await;
        assert!(page.contains(PAGE), "{page} {}", gateway.log());
        std::fs::remove_file(&refuse).unwrap();
        eventually("the stream", async || {
            let log = gateway.log();
            let (_, after) = log.rsplit_once("in its place").unwrap();
            says(after, "controller stream established")
        })
        .await
        .unwrap();
        let log = gateway.log();
        assert!(!log.contains("does not know this gateway"), "{log}");
        assert_eq!(log.matches("in its place").count(), 1, "{log}");
    }
}

#[tokio::test]
async fn a_proxy_that_removes_the_authorization_header_is_told_of_where_it_hurts() {
    let folder = tempfile::tempdir().unwrap();
    let strip = folder.path().join("strip");
    let site = Site::start(
        Program::Nginx,
        "http",
        nginx_while(&strip, "/api/", "set $sent \"\";"),
    );
    let site = site.await;
    let gateway = site.gateway().await;
    let ada = site.terminal("ada").await;
    ada.run(&["list"]).await.ended(0);
    std::fs::write(&strip, "").unwrap();
    eventually("the gateway's log", async || {
        says(&gateway.log(), "removes the Authorization header")
    })
    .await
    .unwrap();
    assert!(!gateway.log().contains("enrol it again"));
    let refused = ada.run(&["list"]).await.ended(8);
    assert!(
        refused.err.contains("removes the Authorization header"),
        "{refused:?}"
    );
    // Nobody was signed out for it.
    std::fs::remove_file(&strip).unwrap();
    ada.run(&["list"]).await.ended(0);
}

#[tokio::test]
async fn a_proxy_that_dies_is_told_of_in_words() {
    let site = Site::start(Program::Nginx, "https", |parts| {
        documented("nginx.conf", parts)
    });
    let site = site.await;
    let gateway = site.gateway().await;
    drop(site.proxy);
    eventually("the gateway's log", async || {
        says(&gateway.log(), "the connection was broken off")
    })
    .await
    .unwrap();
    eventually("the gateway's log", async || {
        says(&gateway.log(), "nothing answers at its address")
    })
    .await
    .unwrap();
    assert!(!gateway.log().contains("https://docs.rs"));
}

#[tokio::test]
async fn a_person_whose_clock_is_outside_of_the_certificate_is_told_so() {
    let site = Site::start(Program::Nginx, "https", |parts| {
        documented("nginx.conf", parts)
    });
    let site = site.await;
    let ada = site.terminal("ada").await;
    for (clock, says) in [
        ("@1971-06-01 00:00:00", "clock says 1971-06-01"),
        ("@4200-06-01 00:00:00", "valid only until 4096-01-01"),
    ] {
        for arguments in [&["sign-in", site.public.as_str()][..], &["list"]] {
            let mut command = ada.session.command("faketime");
            command.env("DONT_FAKE_MONOTONIC", "1").args(["-f", clock]);
            command
                .arg(binaries::path("hourkey").unwrap())
                .args(arguments);
            let ran = ran(command).await.ended(8);
            assert!(ran.err.contains(says), "{ran:?}");
            assert!(ran.err.contains("set the clock right"), "{ran:?}");
        }
    }
}

/// The proxy's certificate is good from 1975 to 4096. The proxy counts the attempts.
#[tokio::test]
async fn a_gateway_whose_clock_is_outside_of_the_certificate_says_so_once() {
    let site = Site::start(Program::Nginx, "https", |parts| {
        documented("nginx.conf", parts).replace("error_log error.log;", "error_log stderr info;")
    });
    let site = site.await;
    let mut gateway = site.gateway().await;
    let mut attempts = 0;
    for (clock, says) in [
        ("@1971-06-01 00:00:00", "clock says 1971-06-01"),
        ("@4200-06-01 00:00:00", "clock says 4200-06-01"),
    ] {
        gateway.kill().unwrap();
        gateway.wrap(&["env", "DONT_FAKE_MONOTONIC=1", "faketime", "-f", clock]);
        gateway.resume().await.unwrap();
        attempts += 4;
        eventually("several attempts", async || {
            let log = site.proxy.log();
            let seen = log.matches("SSL_do_handshake() failed").count();
            if seen >= attempts { Ok(()) } else { Err(log) }
        })
        .await
        .unwrap();
        let log = gateway.log();
        assert_eq!(log.matches(says).count(), 1, "{log}");
    }
    let log = gateway.log();
    assert_eq!(log.matches("controller is away").count(), 2, "{log}");
    assert!(log.contains("valid only from 1975-01-01"), "{log}");
    assert!(log.contains("valid only until 4096-01-01"), "{log}");
}

#[tokio::test]
async fn wrong_forwarded_headers_are_told_in_the_controllers_log() {
    let port = free_port().unwrap();
    let public = "https://hourkey.example.com/".parse().unwrap();
    let site = Site::at(Program::Nginx, public, port, |parts| nginx(parts, ""));
    let site = site.await;
    let here = format!("http://localhost:{port}");
    let page = format!("{here}/sign-in");
    let browser = ["--header", "Accept: text/html"];
    site.curl(&[&browser[..], &[&*page]].concat()).await;
    site.controller_says(&["sends no X-Forwarded-For"]).await;

    let origin = format!("Origin: {here}");
    let form = [
        "--header",
        &*origin,
        "--header",
        "Sec-Fetch-Site: same-origin",
    ];
    let data = ["--data", "login=ada&password=none&token=none", &*page];
    let arguments = [&browser[..], &form[..], &data[..]].concat();
    let refused = site.curl(&arguments).await;
    assert!(
        refused.contains("Open Hourkey at https://hourkey.example.com"),
        "{refused}"
    );
    site.controller_says(&["another address than public_url", &*here])
        .await;

    let port = free_port().unwrap();
    let public = format!("https://localhost:{port}/").parse().unwrap();
    let settings = "proxy_set_header X-Forwarded-For $remote_addr; \
                    proxy_set_header X-Forwarded-Proto $scheme;";
    let plain = Site::at(Program::Nginx, public, port, |parts| nginx(parts, settings));
    let plain = plain.await;
    let page = format!("http://localhost:{port}/sign-in");
    plain.curl(&[&browser[..], &[&*page]].concat()).await;
    plain
        .controller_says(&["another scheme than that of public_url"])
        .await;
}

/// A file of `examples/`, on the ports of the test.
fn documented(name: &str, parts: &Parts) -> String {
    let (https, http) = (format!("127.0.0.1:{}", parts.port), parts.plain_port);
    let certificate = |path: std::path::PathBuf| path.display().to_string();
    let chain = certificate(parts.certificate.chain());
    let key = certificate(parts.certificate.key());
    let both = certificate(parts.certificate.both());
    let to_controller = ("127.0.0.1:8420", &*parts.controller);
    let replaced = match name {
        "nginx.conf" => example(
            name,
            &[
                to_controller,
                ("hourkey.example.com", "localhost"),
                ("user www-data;", "user root;"),
                ("/run/nginx.pid", "nginx.pid"),
                ("/var/log/nginx/", ""),
                ("listen [::]:80;", ""),
                ("listen [::]:443 ssl http2;", ""),
                ("listen 80;", &format!("listen 127.0.0.1:{http};")),
                ("server_tokens off;", NGINX_FOLDERS),
                ("listen 443", &format!("listen {https}")),
                ("/etc/ssl/hourkey/fullchain.pem", &chain),
                ("/etc/ssl/hourkey/privkey.pem", &key),
            ],
        ),
        "Caddyfile" => example(
            name,
            &[
                to_controller,
                (
                    "\nhourkey.example.com {",
                    &format!(
                        "\n{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n\
                         https://localhost:{} {{\n\ttls {chain} {key}",
                        parts.port
                    ),
                ),
            ],
        ),
        _ => example(
            name,
            &[
                to_controller,
                ("log /dev/log local0", "log stdout format raw local0"),
                ("maxconn 16384", "maxconn 4000"),
                ("bind :80\n", &format!("bind 127.0.0.1:{http}\n")),
                ("bind :443", &format!("bind {https}")),
                ("/etc/haproxy/hourkey.pem", &both),
            ],
        ),
    };
    replaced.unwrap()
}

/// Where nginx keeps bodies, for whoever may not write where Debian's does.
const NGINX_FOLDERS: &str = "client_body_temp_path body; proxy_temp_path proxy; \
     fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;";

/// nginx as somebody sets it up who knows `proxy_pass` only, with these settings beside it.
fn nginx(parts: &Parts, settings: &str) -> String {
    format!(
        "user root;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{NGINX_FOLDERS}\naccess_log off;\n\
         server {{\nlisten 127.0.0.1:{};\nlocation / {{\nproxy_pass http://{};\n{settings}\n}}\n}}\n}}\n",
        parts.port, parts.controller
    )
}

fn says(log: &str, words: &str) -> Result<(), String> {
    match log.contains(words) {
        true => Ok(()),
        false => Err(log.to_owned()),
    }
}
