//! nginx, for what may stand before a controller or in its place.

use std::net::Ipv4Addr;

use hourkey_testkit::process::Process;
use hourkey_testkit::terminal::Terminal;
use tokio::net::TcpStream;

/// Starts nginx at a port of 127.0.0.1, with these settings of its one server.
pub(crate) async fn nginx(terminal: &Terminal, port: u16, server: &str) -> Process {
    let home = terminal.session.home();
    let settings = format!(
        "user root; daemon off; pid nginx.pid; error_log stderr; events {{}}\n\
         http {{ access_log off; client_body_temp_path t; proxy_temp_path t;\n\
         fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;\n\
         server {{ listen 127.0.0.1:{port}; {server} }} }}\n"
    );
    std::fs::write(home.join("nginx.conf"), settings).unwrap();
    let mut nginx = terminal.session.command("/usr/sbin/nginx");
    let folder = home.display().to_string();
    nginx.args(["-e", "stderr", "-p", &folder, "-c", "nginx.conf"]);
    let nginx = terminal.session.spawn("nginx", nginx).unwrap();
    let listens = async || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .map(drop)
    };
    nginx.ready("nginx", listens).await.unwrap();
    nginx
}
