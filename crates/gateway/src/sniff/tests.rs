use proptest::prelude::*;

use super::*;

/// What is found in some bytes, however they are cut, and how many pass before the end. With
/// `shared`, other resources are known at the address. The origin answers TLS in TLS, and HTTP in HTTP.
fn sniff(bytes: &[u8], size: usize, shared: bool) -> (Vec<SniffedHost>, Vec<u8>, bool) {
    sniff_answered(bytes, size, shared, FirstAnswer::Tls)
}

/// [`sniff`], where the origin's first answer begins like this.
fn sniff_answered(
    bytes: &[u8],
    size: usize,
    shared: bool,
    answer: FirstAnswer,
) -> (Vec<SniffedHost>, Vec<u8>, bool) {
    let (mut sniffer, mut found, mut passed) = (Sniffer::default(), Vec::new(), Vec::new());
    for chunk in bytes.chunks(size) {
        passed.extend(sniffer.read(Bytes::copy_from_slice(chunk), || shared, &mut found));
        if sniffer.awaits_answer() {
            passed.extend(sniffer.answered(answer, &mut found));
        }
    }
    (found, passed, sniffer.is_done())
}

fn found(bytes: &[u8], shared: bool) -> Vec<SniffedHost> {
    let (found, _, _) = sniff(bytes, bytes.len().max(1), shared);
    for size in [1, 2, 5, 100] {
        assert_eq!(sniff(bytes, size, shared).0, found, "in pieces of {size}");
    }
    found
}

fn name(name: &str) -> SniffedHost {
    SniffedHost::Name(name.to_owned())
}

fn records(kind: u8, bytes: &[u8], size: usize) -> Vec<u8> {
    let record =
        |part: &[u8]| [&[kind, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    bytes.chunks(size).flat_map(record).collect()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&kind.to_be_bytes()[..], &length, content].concat()
}

fn server_name(name: &[u8]) -> Vec<u8> {
    let length = |it: usize| (it as u16).to_be_bytes();
    let list = [&length(name.len() + 3)[..], &[0], &length(name.len()), name].concat();
    extension(0, &list)
}

/// A ClientHello of TLS 1.0 with these extensions, as a handshake message.
fn hello(extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = extensions.concat();
    let random = [7; 32];
    let mut body = [&[3, 1][..], &random, &[0], &[0, 2, 0, 0x2f], &[1, 0]].concat();
    if !extensions.is_empty() {
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
    }
    message(1, &body)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (body.len() as u32).to_be_bytes();
    [&[kind, a, b, c][..], body].concat()
}

fn hello_for(name: &str) -> Vec<u8> {
    hello(&[server_name(name.as_bytes())])
}

const CHANGE_CIPHER_SPEC: [u8; 6] = [20, 3, 3, 0, 1, 1];

#[test]
fn a_hello_names_what_it_is_for_however_it_is_cut() {
    for size in [1, 3, 4, 5, 50, 1_000] {
        let bytes = records(22, &hello_for("db.corp"), size);
        assert_eq!(found(&bytes, true), [name("db.corp")], "records of {size}");
    }
    for (what, names, expected) in [
        ("none", vec![], vec![SniffedHost::Unnamed]),
        ("bytes", vec![&b"\xff.corp"[..]], vec![SniffedHost::Unnamed]),
        (
            "two",
            vec![&b"a.corp"[..], b"b.corp"],
            vec![name("a.corp"), name("b.corp")],
        ),
        ("brackets", vec![&b"[::1]"[..]], vec![name("[::1]")]),
    ] {
        let extensions: Vec<_> = names.iter().map(|it| server_name(it)).collect();
        let bytes = records(22, &hello(&extensions), 1_000);
        assert_eq!(found(&bytes, true), expected, "{what}");
    }
    // A second name that another reader might see.
    let mut twice = server_name(b"a.corp");
    twice.extend(b"\0\0\x06b.corp");
    let length = (twice.len() - 4) as u16;
    twice[2..4].copy_from_slice(&length.to_be_bytes());
    let bytes = records(22, &hello(&[twice]), 1_000);
    assert_eq!(found(&bytes, true), [name("a.corp"), SniffedHost::Unnamed]);
}

#[test]
fn a_second_hello_is_read_behind_all_that_may_come_before_it() {
    let first = records(22, &hello_for("a.corp"), 1_000);
    let early = hello(&[server_name(b"a.corp"), extension(42, &[])]);
    let early = [records(22, &early, 1_000), CHANGE_CIPHER_SPEC.to_vec()].concat();
    let early = [early, records(23, &[9; 40], 20)].concat();
    for size in [1, 3, 1_000] {
        let second = records(22, &hello_for("b.corp"), size);
        for before in [
            first.clone(),
            [&first[..], &CHANGE_CIPHER_SPEC].concat(),
            [&first[..], &[21, 3, 3, 0, 2, 1, 0]].concat(),
            early.clone(),
        ] {
            let bytes = [&before[..], &second].concat();
            assert_eq!(found(&bytes, true), [name("a.corp"), name("b.corp")]);
            // Nothing of the second one passes before it is whole.
            let (_, passed, _) = sniff(&bytes[..bytes.len() - 1], 7, true);
            assert!(passed.len() <= before.len() + 5, "{}", passed.len());
        }
    }
    // One that never gets whole counts as one that cannot be read.
    let part = records(22, &hello_for("b.corp")[..20], 1_000);
    let bytes = [&first[..], &part, &records(23, b"x", 9)].concat();
    assert_eq!(found(&bytes, true), [name("a.corp"), SniffedHost::Unnamed]);
}

#[test]
fn after_the_plain_handshake_nothing_is_looked_at() {
    let first = records(22, &hello_for("a.corp"), 1_000);
    let keys = records(
        22,
        &[message(11, &[5; 300]), message(16, &[6; 40])].concat(),
        100,
    );
    let finished = records(22, &[0x5b; 40], 1_000);
    let data = records(23, &[1; 40], 1_000);
    for after in [
        // TLS 1.3, with and without a ChangeCipherSpec that means nothing.
        [&CHANGE_CIPHER_SPEC[..], &data].concat(),
        data.clone(),
        // TLS 1.2, in full and resumed.
        [&keys[..], &CHANGE_CIPHER_SPEC, &finished, &data].concat(),
        [&CHANGE_CIPHER_SPEC[..], &finished, &data].concat(),
    ] {
        let bytes = [&first[..], &after].concat();
        let (_, passed, done) = sniff(&bytes, 3, true);
        assert!(done);
        assert_eq!(passed, bytes);
        assert_eq!(found(&bytes, true), [name("a.corp")]);
    }
    // Where either side speaks no TLS, the hello was for something else.
    let unnamed = [name("a.corp"), SniffedHost::Unnamed];
    for after in [&b"no TLS at all"[..], b"\x16\x04\x01\0\x01\0"] {
        assert_eq!(found(&[&first[..], after].concat(), true), unnamed);
    }
    let bytes = [&first[..], &data].concat();
    for answer in [FirstAnswer::Other, FirstAnswer::Switches] {
        let (found, passed, done) = sniff_answered(&bytes, 3, true, answer);
        assert_eq!((found, done), (unnamed.to_vec(), true));
        assert_eq!(passed, bytes);
    }
}

#[test]
fn an_answer_is_known_by_its_first_bytes() {
    for (bytes, answer) in [
        (&b"HTTP/1.1 101 Switching"[..], Some(FirstAnswer::Switches)),
        (b"HTTP/1.1 101", None),
        (b"HTTP/1.1 200 OK", Some(FirstAnswer::Other)),
        (b"\x16\x03\x03\0\x7a", Some(FirstAnswer::Tls)),
        (b"\x15\x03", Some(FirstAnswer::Tls)),
        (b"\x15", None),
        (b"\x15\x02", Some(FirstAnswer::Other)),
        (b"-ERR", Some(FirstAnswer::Other)),
        (b"", None),
    ] {
        assert_eq!(FirstAnswer::of(bytes), answer, "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_neither_tls_nor_http_names_nothing_and_passes_at_once() {
    for bytes in [
        &b"SSH-2.0-x"[..],
        b"\x16SSH",
        b"\x00\x00\x00\x08\x04\xd2\x16/",
        b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
        b"EHLO mail.example\r\n",
        b"GET / HTTP/0.9\r\n",
        b"GET /\r\n",
        b" GET / HTTP/1.1\r\n",
        b"\nGET / HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x80\x2e\x01\x03\x01",
        b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00",
        b"\x16\x04\x01\x00\x05\x01\x00\x00\x01\x00",
        b"get key\r\n",
        b"GETS\r\n",
    ] {
        assert_eq!(
            found(bytes, true),
            [SniffedHost::Unnamed],
            "{}",
            bytes.escape_ascii()
        );
        let (_, passed, done) = sniff(bytes, 1, true);
        assert!(done && passed == bytes);
    }
    assert_eq!(found(b"", true), []);
    for unclear in [&b"\x16"[..], b"G", b"x", b"EHLO mail.example"] {
        let mut sniffer = Sniffer::default();
        let bytes = Bytes::from_static(unclear);
        assert_eq!(sniffer.read(bytes, || true, &mut Vec::new()), "");
        assert!(sniffer.is_unclear());
        // Nobody waits for more.
        let mut found = Vec::new();
        assert_eq!(sniffer.end(&mut found), unclear);
        assert_eq!(found, [SniffedHost::Unnamed]);
        assert!(sniffer.is_done());
    }
}

#[test]
fn each_request_of_a_shared_address_names_its_host() {
    let get = "GET / HTTP/1.1\r\nHost: a.corp\r\n\r\n";
    for (first, expected) in [
        (get.to_owned(), vec![name("a.corp")]),
        (
            "GET / HTTP/1.1\r\nhost:  A.corp:8080 \r\n\r\n".to_owned(),
            vec![name("A.corp")],
        ),
        (
            "GET http://b.corp:80/x HTTP/1.1\r\nHost: a.corp\r\n\r\n".to_owned(),
            vec![name("b.corp"), name("a.corp")],
        ),
        (
            "M-SEARCH / HTTP/1.1\r\nHost: a.corp\r\n\r\n".to_owned(),
            vec![name("a.corp")],
        ),
        (
            "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n".to_owned(),
            vec![name("[::1]")],
        ),
        (
            "POST / HTTP/1.1\r\nHost: a.corp\r\nContent-Length: 30\r\n\r\n\
             GET / HTTP/1.1\r\nHost: x.corp\n"
                .to_owned(),
            vec![name("a.corp")],
        ),
        (
            "POST / HTTP/1.1\r\nHost: a.corp\r\nTransfer-Encoding: chunked\r\n\r\n\
             5;x=y\r\nGET /\r\n0\r\nx: y\r\n\r\n"
                .to_owned(),
            vec![name("a.corp")],
        ),
        (
            "GET / HTTP/1.1\r\nHost: a.corp\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
                .to_owned(),
            vec![name("a.corp")],
        ),
    ] {
        assert_eq!(found(first.as_bytes(), true), expected, "{first}");
        let both = format!("{first}GET / HTTP/1.1\r\nHost: second.corp\r\n\r\n");
        let expected = [expected, vec![name("second.corp")]].concat();
        assert_eq!(found(both.as_bytes(), true), expected, "{both}");
    }
    // Where nothing else is known, the first one is enough.
    assert_eq!(
        found(get.as_bytes(), false),
        [name("a.corp"), SniffedHost::Unnamed]
    );
}

#[test]
fn what_two_programs_might_read_differently_names_nothing() {
    for head in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a.corp\r\n\r\n",
        "CONNECT a.corp:22 HTTP/1.1\r\nHost: a.corp:22\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.corp\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.corp\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.corp\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.corp\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a.corp\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a.corp\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello",
        "POST / HTTP/1.1\r\nHost: a.corp\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello",
        "POST / HTTP/1.1\r\nHost: a.corp\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n",
        "GET / HTTP/1.1\r\nHost: a@b\r\nHost: ,\r\n\r\n",
    ] {
        let found = found(head.as_bytes(), true);
        assert!(found.contains(&SniffedHost::Unnamed), "{head}: {found:?}");
    }
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(70_000));
    assert_eq!(found(long.as_bytes(), true), [SniffedHost::Unnamed]);
}

#[test]
fn what_an_origin_switches_to_names_nothing_more() {
    let head = b"GET / HTTP/1.1\r\nHost: a.corp\r\nConnection: keep-alive, Upgrade\r\n\
        Upgrade: WebSocket\r\n\r\n";
    for after in [
        &b"\x81\x05hello\n"[..],
        b"\x0bGET / HTTP/1.1\r\n\r\n",
        b"ls\n",
        b"PRI * HTTP/2.0\r\n\r\n",
    ] {
        let bytes = [&head[..], after].concat();
        for size in [1, bytes.len()] {
            let (found, passed, done) = sniff_answered(&bytes, size, true, FirstAnswer::Switches);
            assert_eq!((found, done), (vec![name("a.corp")], true));
            assert_eq!(passed, bytes);
            // Where the origin does not agree, it has to be another request.
            let (found, _, _) = sniff_answered(&bytes, size, true, FirstAnswer::Other);
            if !after.starts_with(b"ls") {
                let unnamed = vec![name("a.corp"), SniffedHost::Unnamed];
                assert_eq!(found, unnamed, "{}", after.escape_ascii());
            }
        }
    }
    // Nothing passes before the answer.
    let mut sniffer = Sniffer::default();
    let bytes = Bytes::from([&head[..], b"\x81"].concat());
    assert_eq!(sniffer.read(bytes, || true, &mut Vec::new()), &head[..]);
    assert!(sniffer.awaits_answer());
    // What a later answer means cannot be told.
    let get = b"GET / HTTP/1.1\r\nHost: a.corp\r\n\r\n";
    let bytes = [&get[..], head, b"\x81\x05hello\n"].concat();
    let (found, _, _) = sniff_answered(&bytes, 9, true, FirstAnswer::Switches);
    assert_eq!(
        found,
        [name("a.corp"), name("a.corp"), SniffedHost::Unnamed]
    );
}

proptest! {
    #[test]
    fn any_bytes_pass_in_order(start in 0_usize..4, rest: Vec<u8>, size in 1_usize..50) {
        let starts = [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\0\x40\x01\0\0\x3c"];
        let bytes = [starts[start], &rest].concat();
        let (found, passed, _) = sniff(&bytes, size, true);
        prop_assert!(bytes.starts_with(&passed));
        prop_assert!(passed.is_empty() || !found.is_empty());
    }
}
