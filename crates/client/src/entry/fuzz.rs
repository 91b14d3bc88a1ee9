//! Fuzz targets: what holds for any bytes from outside (`fuzz/README.md`).

use super::http::{self, Request};
use super::socks;
use crate::dial::Destination;

/// SOCKS5: what a client says first.
pub fn socks(bytes: &[u8]) {
    let (to, rest, answer) = accept(bytes);
    let Some(to) = to else {
        return;
    };
    assert_eq!(answer, [5, 0], "it is told only later how it went");
    assert_ne!(to.port, 0);
    // Not a byte of what follows the request is taken, nor one less than all of the request.
    let (head, rest) = bytes.split_at(bytes.len() - rest);
    assert_eq!(accept(&[head, b"more", rest].concat()).1, rest.len() + 4);
    assert_eq!(accept(&head[..head.len() - 1]).0, None);
    // Whatever way it was written in, its canonical form leads there too.
    let text = to.to_string();
    let (host, port) = text.rsplit_once(':').unwrap_or_default();
    let mut plain = vec![5, 1, 0, 5, 1, 0, 3, u8::try_from(host.len()).unwrap_or(0)];
    plain.extend_from_slice(host.as_bytes());
    plain.extend(port.parse::<u16>().unwrap_or(0).to_be_bytes());
    assert_eq!(accept(&plain).0, Some(to));
}

/// What was accepted, how many bytes were left, and what was answered.
fn accept(bytes: &[u8]) -> (Option<Destination>, usize, Vec<u8>) {
    let (mut unread, mut answer) = (bytes, Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let accepted = runtime.map(|runtime| {
        runtime.block_on(socks::accept(&mut tokio::io::join(
            &mut unread,
            &mut answer,
        )))
    });
    let to = accepted.and_then(|accepted| accepted).unwrap_or(None);
    (to, unread.len(), answer)
}

/// The head of a request to an HTTP proxy.
pub fn http(bytes: &[u8]) {
    let Ok(Some((request, length))) = http::read(bytes) else {
        return;
    };
    assert!(length <= bytes.len().min(http::LONGEST));
    let head = &bytes[..length];
    assert_eq!(http::read(&head[..length - 1]), Ok(None));
    let Ok(Some(again)) = http::read(head) else {
        panic!("the head alone cannot be read");
    };
    assert_eq!((&again.0, again.1), (&request, length));
    match &request {
        Request::Connect { to, browser } => {
            let agent = if *browser {
                "User-Agent: Mozilla/\r\n"
            } else {
                ""
            };
            let plain = format!("CONNECT {to} HTTP/1.1\r\n{agent}\r\n");
            let Ok(Some((plain, _))) = http::read(plain.as_bytes()) else {
                panic!("{to} cannot be read");
            };
            assert_eq!(plain, request);
        }
        Request::Forward(forward) => passes_on(forward),
        Request::Own { .. } => {}
    }
}

/// What is passed on is one request, to the place that was judged, as long as it was judged to be.
fn passes_on(forward: &http::Forward) {
    // It has two more than are read.
    let mut fields = [httparse::EMPTY_HEADER; http::FIELDS + 2];
    let mut request = httparse::Request::new(&mut fields);
    let all = httparse::Status::Complete(forward.head.len());
    assert_eq!(request.parse(&forward.head), Ok(all));
    assert!(request.path.is_some_and(|path| path.starts_with('/')));
    let host = http::host(request.headers);
    let host = host.and_then(|host| Destination::read(&host, Some(80)));
    assert_eq!(host.as_ref(), Some(&forward.to));
    let values = |name: &str| {
        let fields = request.headers.iter();
        let fields = fields.filter(|field| field.name.eq_ignore_ascii_case(name));
        let values = fields.map(|field| String::from_utf8_lossy(field.value).into_owned());
        values.collect::<Vec<_>>()
    };
    assert_eq!(values("connection"), ["close"]);
    assert_eq!(values("transfer-encoding"), [""; 0]);
    let lengths = values("content-length");
    let length = lengths.first().map_or(Ok(0), |length| length.parse());
    assert!(lengths.len() <= 1 && length == Ok(forward.body));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::replay;

    #[test]
    fn any_socks_client_is_taken_at_its_word_or_refused() {
        replay("socks", socks);
    }

    #[test]
    fn any_http_head_is_taken_at_its_word_or_refused() {
        replay("http", http);
    }
}
