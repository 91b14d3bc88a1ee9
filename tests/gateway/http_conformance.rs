//! Plain HTTP through the local proxy is plain HTTP: exchanges of every kind are made directly and
//! through it, and both the caller and the origin see the same, but for the differences that
//! docs/cli.md lists.

use std::net::SocketAddr;
use std::time::Duration;

use hourkey_testkit::web::serve;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::test_env::TestEnv;

const HOST: &str = "db.corp.example:5432";

type Stream = BufStream<TcpStream>;

/// A message as it was received: its first line, its fields in order of their names, and its body.
#[derive(Clone, Default, PartialEq, Eq)]
struct Message {
    start: String,
    fields: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    /// False when it ended too early.
    whole: bool,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.start)?;
        for (name, value) in &self.fields {
            write!(f, "|{name}:{}", value.escape_ascii())?;
        }
        write!(f, "||{}", self.body.escape_ascii())?;
        for (name, value) in &self.trailers {
            write!(f, "||{name}:{}", value.escape_ascii())?;
        }
        if !self.whole {
            write!(f, "|CUT")?;
        }
        Ok(())
    }
}

impl Message {
    fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &**value)
    }

    fn has(&self, name: &str, token: &str) -> bool {
        let value = self.field(name).unwrap_or_default();
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        value.split(',').any(|it| it.trim() == token)
    }

    /// As it is compared: framing and connection are each hop's own (RFC 9112, 6; 9110, 7.6.1).
    fn compared(mut self) -> Self {
        const EACH_HOP: [&str; 4] = [
            "connection",
            "keep-alive",
            "transfer-encoding",
            "content-length",
        ];
        self.fields
            .retain(|(name, _)| !EACH_HOP.contains(&name.to_ascii_lowercase().as_str()));
        self.fields.sort();
        // Those have lower case.
        for (name, _) in &mut self.trailers {
            name.make_ascii_lowercase();
        }
        self.trailers.sort();
        self
    }
}

async fn line(stream: &mut Stream) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        line.push(stream.read_u8().await.ok()?);
        if line.ends_with(b"\n") {
            line.pop();
            line.pop_if(|last| *last == b'\r');
            return Some(line);
        }
    }
}

async fn fields(stream: &mut Stream) -> Option<Vec<(String, Vec<u8>)>> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    loop {
        let line = line(stream).await?;
        if line.is_empty() {
            return Some(fields);
        }
        if line[0] == b' ' {
            // Folded (RFC 9112, 5.2): one space.
            let last = &mut fields.last_mut()?.1;
            last.push(b' ');
            last.extend_from_slice(line.trim_ascii());
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8(line[..colon].to_vec()).ok()?;
        let value = line[colon + 1..].trim_ascii().to_vec();
        fields.push((name.trim_end().to_owned(), value));
    }
}

/// Reads a message; `bodiless` are those that have none whatever their fields say.
async fn read(stream: &mut Stream, is_request: bool, bodiless: bool) -> Option<Message> {
    let mut start = line(stream).await?;
    // Empty lines before a request are skipped (RFC 9112, 2.2).
    while start.is_empty() {
        start = line(stream).await?;
    }
    let mut message = Message {
        start: String::from_utf8_lossy(&start).into_owned(),
        fields: fields(stream).await?,
        whole: true,
        ..Message::default()
    };
    if bodiless {
        return Some(message);
    }
    if message.has("transfer-encoding", "chunked") {
        loop {
            let Some(size) = line(stream).await else {
                message.whole = false;
                return Some(message);
            };
            let size = String::from_utf8_lossy(&size).into_owned();
            let size = size.split(';').next().unwrap_or_default().trim();
            let Ok(size) = usize::from_str_radix(size, 16) else {
                message.whole = false;
                return Some(message);
            };
            if size == 0 {
                message.trailers = fields(stream).await.unwrap_or_default();
                return Some(message);
            }
            let mut chunk = vec![0; size];
            message.whole &= stream.read_exact(&mut chunk).await.is_ok();
            line(stream).await;
            message.body.extend(chunk);
        }
    }
    let length = message.field("content-length");
    let length = length.and_then(|it| std::str::from_utf8(it).ok()?.parse::<usize>().ok());
    match length {
        Some(length) => {
            let mut body = vec![0; length];
            message.whole = stream.read_exact(&mut body).await.is_ok();
            message.body = body;
        }
        None if is_request => {}
        None => message.whole = stream.read_to_end(&mut message.body).await.is_ok(),
    }
    Some(message)
}

/// The origin: answers as the field `X-Answer` says, with what it was asked.
async fn origin() -> SocketAddr {
    serve(|stream| async move {
        let mut stream = BufStream::new(stream);
        while let Some(request) = read(&mut stream, true, false).await {
            let close = !answer(&mut stream, &request).await;
            let _ = stream.flush().await;
            if close {
                break;
            }
        }
    })
    .await
    .unwrap()
}

/// True when HTTP goes on on the connection.
async fn answer(stream: &mut Stream, request: &Message) -> bool {
    if request.field("x-answer") == Some(b"upgrade") {
        let switched = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {}\r\n\r\nwelcome",
            String::from_utf8_lossy(request.field("upgrade").unwrap_or_default())
        );
        echo(stream, &switched).await;
        return false;
    }
    let how = request.field("x-answer").unwrap_or(b"length").to_vec();
    let how = String::from_utf8(how).unwrap();
    let mut seen = request.clone().compared();
    // Whatever version the caller speaks, the proxy speaks its own (RFC 9110, 2.5).
    seen.start
        .truncate(seen.start.rfind(' ').unwrap_or_default());
    let seen = format!("{seen:?}");
    let head = request.start.starts_with("HEAD ");
    let length = seen.len();
    let mut text = match how.as_str() {
        "204" => "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n".to_owned(),
        "304" => "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 7\r\n\r\n".to_owned(),
        "chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        "trailers" => {
            "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
        }
        // The chunks count (RFC 9112, 6.3).
        "two-lengths" => {
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()
        }
        "close" => "HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n".to_owned(),
        "old" => "HTTP/1.0 200 OK\r\nX-A: b\r\n\r\n".to_owned(),
        "continue" => {
            format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            )
        }
        "hints" => format!(
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: \
             {length}\r\n\r\n"
        ),
        "reason" => format!("HTTP/1.1 299 \r\nContent-Length: {length}\r\n\r\n"),
        "no-reason" => format!("HTTP/1.1 299\r\nContent-Length: {length}\r\n\r\n"),
        "words" => format!("HTTP/1.1 500 It's broken, sorry\r\nContent-Length: {length}\r\n\r\n"),
        "cookies" => format!(
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nSET-COOKIE: c=\"3\"\r\n\
             Content-Length: {length}\r\n\r\n"
        ),
        "folded" => {
            format!("HTTP/1.1 200 OK\r\nX-Long: one\r\n  two\r\nContent-Length: {length}\r\n\r\n")
        }
        "odd-fields" => format!(
            "HTTP/1.1 200 OK\r\nX_Under: 1\r\nX.Dot: 2\r\nX-Empty:\r\nx-lower: \u{fc}\r\n\
             Content-Length: {length}\r\n\r\n"
        ),
        "lines" => format!("HTTP/1.1 200 OK\nX-A: b\nContent-Length: {length}\n\n"),
        "many" => {
            let many: String = (0..120)
                .map(|at| format!("X-Many-{at}: {at}\r\n"))
                .collect();
            format!("HTTP/1.1 200 OK\r\n{many}Content-Length: {length}\r\n\r\n")
        }
        "large" => format!(
            "HTTP/1.1 200 OK\r\nX-Large: {}\r\nContent-Length: {length}\r\n\r\n",
            "x".repeat(30_000)
        ),
        "redirect" => format!(
            "HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/?a=b#c\r\nContent-Length: \
             {length}\r\n\r\n"
        ),
        "unauthorised" => format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: \
             {length}\r\n\r\n"
        ),
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nDate: Mon\r\n\r\n"),
    };
    if !head && !["204", "304"].contains(&how.as_str()) {
        match how.as_str() {
            "chunked" | "two-lengths" => {
                text += &format!("{length:x};ext=1\r\n{seen}\r\n0\r\n\r\n")
            }
            "trailers" => text += &format!("{length:x}\r\n{seen}\r\n0\r\nX-Sum: 7\r\n\r\n"),
            _ => text += &seen,
        }
    }
    let written = stream.write_all(text.as_bytes()).await.is_ok();
    written && !["close", "old"].contains(&how.as_str()) && !request.has("connection", "close")
}

/// Says something, then all that is said to it, and a last word at its end.
async fn echo(stream: &mut Stream, first: &str) {
    let mut said = first.as_bytes().to_vec();
    while stream.write_all(&said).await.is_ok() && stream.flush().await.is_ok() {
        said.clear();
        if !matches!(stream.read_buf(&mut said).await, Ok(count) if count > 0) {
            break;
        }
    }
    let _ = stream.write_all(b"bye").await;
}

/// One exchange: what is sent, with `TARGET` where the way's own prefix of the path goes.
#[derive(Clone, Debug)]
struct Exchange {
    method: &'static str,
    version: &'static str,
    path: &'static str,
    fields: String,
    body: String,
}

impl Exchange {
    fn bytes(&self, prefix: &str) -> Vec<u8> {
        let Self {
            method,
            version,
            path,
            fields,
            body,
        } = self;
        format!("{method} {prefix}{path} HTTP/{version}\r\nHost: {HOST}\r\n{fields}\r\n{body}")
            .into_bytes()
    }
}

const METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "M-SEARCH", "get",
];
const PATHS: [&str; 10] = [
    "/",
    "/a/b?c=d",
    "/%E2%82%AC%2f",
    "/a//b/../c/.",
    "/?",
    "/;p=1,2",
    "/?a=http://x/y?z",
    "/~'()!$&*+@:",
    "/a?b?c[]=1",
    "/~{}|\"",
];
const ANSWERS: [&str; 21] = [
    "length",
    "204",
    "304",
    "chunked",
    "trailers",
    "close",
    "old",
    "continue",
    "hints",
    "reason",
    "no-reason",
    "words",
    "cookies",
    "folded",
    "odd-fields",
    "lines",
    "many",
    "large",
    "redirect",
    "unauthorised",
    "two-lengths",
];
/// A request's body with the fields that announce it; only HTTP/1.1 has chunks.
const BODIES: [(&str, &str); 7] = [
    ("", ""),
    ("Content-Length: 0\r\n", ""),
    ("Content-Length: 5\r\n", "hello"),
    ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    (
        "Transfer-Encoding: chunked\r\n",
        "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
    ),
    (
        "Transfer-Encoding: chunked\r\nTrailer: X-Check\r\n",
        "5\r\nhello\r\n0\r\nX-Check: 5\r\n\r\n",
    ),
    ("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
];
const FIELDS: [&str; 8] = [
    "",
    "Accept: */*\r\nAccept: text/plain\r\n",
    "X-Empty:\r\nx-MiXeD: Value\r\n",
    "Cookie: a=b; c=\"d\"\r\nAuthorization: Basic eDp5\r\n",
    "X-Latin: caf\u{e9}\r\n",
    "Via: 1.1 elsewhere\r\nX-Forwarded-For: 10.0.0.1\r\n",
    "TE: trailers\r\nConnection: TE\r\n",
    "Range: bytes=0-4\r\nIf-None-Match: \"x\"\r\n",
];

/// Every value of every list meets many of the others: the steps share no factor.
fn exchanges() -> Vec<Exchange> {
    (0..420)
        .map(|at| {
            let version = if at % 7 == 3 { "1.0" } else { "1.1" };
            let mut body = BODIES[(at / 3) % BODIES.len()];
            if version == "1.0" && body.0.contains("chunked") {
                body = BODIES[2];
            }
            let answer = ANSWERS[(at * 5 + at / 21) % ANSWERS.len()];
            let fields = FIELDS[(at / 2) % FIELDS.len()];
            let close = if at % 2 == 0 {
                "Connection: close\r\n"
            } else {
                ""
            };
            // Two lists of options for one connection are one more thing to read.
            let close = if fields.contains("Connection") {
                ""
            } else {
                close
            };
            Exchange {
                method: METHODS[at % METHODS.len()],
                version,
                path: PATHS[(at * 3 + at / 10) % PATHS.len()],
                fields: format!("X-Answer: {answer}\r\n{fields}{close}{}", body.0),
                body: body.1.to_owned(),
            }
        })
        .collect()
}

/// Exchanges on one connection, all requests sent before the first answer is read (RFC 9112, 9.3.2).
fn pipelines() -> Vec<Vec<Exchange>> {
    let all = exchanges().into_iter();
    let goes_on = |exchange: &Exchange| {
        let ends = ["Connection: close", "Answer: close", "Answer: old"];
        exchange.version == "1.1" && !ends.iter().any(|it| exchange.fields.contains(it))
    };
    let all: Vec<_> = all.filter(goes_on).collect();
    all.chunks_exact(3).map(<[_]>::to_vec).collect()
}

/// Makes an exchange, and returns all that was answered.
async fn make(to: &str, exchange: &Exchange, prefix: &str) -> Vec<Message> {
    let mut answers = make_all(to, std::slice::from_ref(exchange), prefix).await;
    answers.remove(0)
}

/// Makes exchanges on one connection, and returns what was answered to each.
async fn make_all(to: &str, exchanges: &[Exchange], prefix: &str) -> Vec<Vec<Message>> {
    let mut stream = BufStream::new(TcpStream::connect(to).await.unwrap());
    let said: Vec<u8> = exchanges.iter().flat_map(|it| it.bytes(prefix)).collect();
    stream.write_all(&said).await.unwrap();
    stream.flush().await.unwrap();
    let mut answers = Vec::new();
    for exchange in exchanges {
        answers.push(answers_to(&mut stream, exchange).await);
    }
    answers
}

/// All that is answered to an exchange.
async fn answers_to(stream: &mut Stream, exchange: &Exchange) -> Vec<Message> {
    let mut answers = Vec::new();
    loop {
        let bodiless = exchange.method == "HEAD"
            || exchange.fields.contains("Answer: 204")
            || exchange.fields.contains("Answer: 304");
        let informs = |message: &Message| {
            let status = message.start.split(' ').nth(1).unwrap_or_default();
            status.starts_with('1')
        };
        let answer = timeout(Duration::from_secs(20), next(stream, bodiless)).await;
        let Some(answer) = answer.expect("an answer") else {
            return answers;
        };
        let last = !informs(&answer);
        answers.push(answer);
        if last {
            return answers;
        }
    }
}

/// The next message; an informational one has no body.
async fn next(stream: &mut Stream, bodiless: bool) -> Option<Message> {
    use tokio::io::AsyncBufReadExt as _;
    let seen = stream.fill_buf().await.ok()?;
    let informs = seen.len() > 9 && seen[9] == b'1';
    read(stream, false, bodiless || informs).await
}

/// The documented differences, applied to what was seen directly.
fn as_documented(exchange: &Exchange, mut direct: Vec<Message>) -> Vec<Message> {
    let old = exchange.version == "1.0";
    direct.retain(|message| {
        // Of informational answers, the proxy sends its own 100 alone.
        !message.start.contains(" 103 ") && !message.start.contains(" 100 ")
    });
    for message in &mut direct {
        // The version is the proxy's own, and the caller's where that is older; a missing reason is
        // the usual one of its status.
        let mut words = message.start.splitn(3, ' ');
        let status = words.nth(1).unwrap_or_default().to_owned();
        let reason = words.next().unwrap_or_default().to_owned();
        message.start = format!("{status} {reason}").trim().to_owned();
        // Trailers reach a caller that takes them.
        if old || !exchange.fields.contains("TE: trailers") {
            message.trailers.clear();
        }
        if old {
            message.fields.retain(|(name, _)| name != "Trailer");
        }
    }
    direct
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_are_the_same_directly_and_through_the_proxy() {
    let origin = origin().await;
    let env = TestEnv::with(&[("db.corp.example", origin)]).await;
    env.open("Database").await;
    let local_proxy = env.local_proxy().await;
    let proxy = local_proxy
        .proxy()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    let direct_to = origin.to_string();
    let prefix = format!("http://{HOST}");
    let mut differences = Vec::new();
    let all = exchanges();
    for exchange in &all {
        let direct = make(&direct_to, exchange, "").await;
        let through = make(&proxy, exchange, &prefix).await;
        differences.extend(difference(exchange, &direct, &through));
    }
    let pipelines = pipelines();
    for pipeline in &pipelines {
        let direct = make_all(&direct_to, pipeline, "").await;
        let through = make_all(&proxy, pipeline, &prefix).await;
        for ((exchange, direct), through) in pipeline.iter().zip(&direct).zip(&through) {
            differences.extend(difference(exchange, direct, through));
        }
    }
    println!(
        "{} exchanges, {} pipelines of {}; {} answers differ",
        all.len(),
        pipelines.len(),
        pipelines[0].len(),
        differences.len()
    );
    differences.truncate(3);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What differs beyond what is documented.
fn difference(exchange: &Exchange, direct: &[Message], through: &[Message]) -> Option<String> {
    let compared = |messages: &[Message]| {
        let messages = as_documented(exchange, messages.to_vec()).into_iter();
        messages.map(Message::compared).collect::<Vec<_>>()
    };
    (compared(direct) != compared(through))
        .then(|| format!("{exchange:?}\n  direct  {direct:?}\n  through {through:?}\n"))
}

/// The answer to an upgrade, and all that follows it: what is said at once, what after the answer,
/// and what after this side has said all.
async fn upgrade(to: &str, exchange: &Exchange, prefix: &str) -> (Option<Message>, String) {
    let mut stream = BufStream::new(TcpStream::connect(to).await.unwrap());
    stream.write_all(&exchange.bytes(prefix)).await.unwrap();
    stream.flush().await.unwrap();
    let switched = read(&mut stream, false, true).await;
    let mut heard = vec![0; "welcome".len()];
    stream.read_exact(&mut heard).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    stream.flush().await.unwrap();
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).await.unwrap();
    stream.shutdown().await.unwrap();
    heard.extend(echo);
    let rest = timeout(Duration::from_secs(20), stream.read_to_end(&mut heard));
    rest.await.expect("an end").unwrap();
    (switched, String::from_utf8(heard).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_an_upgrade_is_the_same_too() {
    let origin = origin().await;
    let env = TestEnv::with(&[("db.corp.example", origin)]).await;
    env.open("Database").await;
    let local_proxy = env.local_proxy().await;
    let proxy = local_proxy
        .proxy()
        .strip_prefix("http://")
        .unwrap()
        .to_owned();
    for method in ["GET", "POST", "OPTIONS"] {
        for protocol in ["websocket", "echo/1", "TLS/1.2, echo", "SPDY/3.1"] {
            for (body, length) in [("", ""), ("hello", "Content-Length: 5\r\n")] {
                let fields = format!(
                    "Connection: keep-alive, Upgrade\r\nUpgrade: {protocol}\r\n\
                     X-Answer: upgrade\r\n{length}"
                );
                let exchange = Exchange {
                    method,
                    version: "1.1",
                    path: "/a?b",
                    fields,
                    body: body.to_owned(),
                };
                let direct = upgrade(&origin.to_string(), &exchange, "").await;
                let through = upgrade(&proxy, &exchange, &format!("http://{HOST}")).await;
                let compared =
                    |(head, rest): (Option<Message>, String)| (head.map(Message::compared), rest);
                assert_eq!(compared(direct), compared(through), "{exchange:?}");
            }
        }
    }
}
