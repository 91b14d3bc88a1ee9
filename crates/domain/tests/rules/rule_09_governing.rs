use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hourkey_domain::address::{Address, Candidate, Host, Ports, governing};
use hourkey_domain::ids::ResourceId;
use proptest::collection::vec;
use proptest::prelude::*;

/// Few names, so that they meet, and some that end alike without lying below each other.
fn name() -> impl Strategy<Value = String> + Clone {
    let names = [
        "corp",
        "db.corp",
        "a.db.corp",
        "b.a.db.corp",
        "mydb.corp",
        "a.mydb.corp",
    ];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

/// Few addresses of both families, so that they meet.
fn ip() -> impl Strategy<Value = IpAddr> + Clone {
    prop_oneof![
        (2u8..=4).prop_map(|d| IpAddr::V4(Ipv4Addr::new(10, 0, 0, d))),
        (2u16..=4).prop_map(|h| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, h).into()),
    ]
}

/// The bits of an address, first to last.
fn bits(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => format!("{:032b}", u32::from(ip)),
        IpAddr::V6(ip) => format!("{:0128b}", u128::from(ip)),
    }
}

fn prefix() -> impl Strategy<Value = Address> + Clone {
    (ip(), 0u8..=128).prop_map(|(ip, length)| {
        let width = if ip.is_ipv4() { 32 } else { 128 };
        let length = length.min(width - 1);
        let kept = &bits(ip)[..usize::from(length)];
        let padded = format!("{kept:0<width$}", width = usize::from(width));
        let net = if ip.is_ipv4() {
            IpAddr::V4(u32::from_str_radix(&padded, 2).unwrap().into())
        } else {
            IpAddr::V6(u128::from_str_radix(&padded, 2).unwrap().into())
        };
        Address::Net(net, length)
    })
}

fn address() -> impl Strategy<Value = Address> + Clone {
    prop_oneof![
        name().prop_map(Address::Name),
        name().prop_map(Address::Wildcard),
        ip().prop_map(Address::Ip),
        prefix(),
    ]
}

fn ports() -> impl Strategy<Value = Ports> + Clone {
    prop::sample::select(vec!["", "443", "80,443", "400-500"]).prop_map(|p| p.parse().unwrap())
}

/// A resource of the network: address, ports, and what its name resolves to.
type Resource = (Address, Ports, Vec<IpAddr>);

fn resources() -> impl Strategy<Value = Vec<Resource>> {
    vec((address(), ports(), vec(ip(), 0..=2)), 0..=8)
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![name().prop_map(Host::Name), ip().prop_map(Host::Ip)]
}

fn candidates(resources: &[Resource]) -> Vec<Candidate<'_>> {
    let with_id = resources.iter().zip(1..);
    with_id
        .map(|((address, ports, resolved), id)| Candidate {
            id: ResourceId(id),
            address,
            ports,
            resolved,
        })
        .collect()
}

/// Rule 9 in words: how strongly a resource matches, compared as (kind, length).
fn strength(resource: &Resource, host: &Host, addresses: &[IpAddr]) -> Option<(u8, usize)> {
    let (address, _, resolved) = resource;
    let targets = match host {
        Host::Name(_) => addresses.to_vec(),
        Host::Ip(ip) => vec![*ip],
    };
    let own = match address {
        Address::Name(_) => resolved.clone(),
        Address::Ip(ip) => vec![*ip],
        Address::Wildcard(_) | Address::Net(..) => vec![],
    };
    if let (Address::Name(own), Host::Name(name)) = (address, host)
        && own == name
    {
        return Some((4, 0));
    }
    if own.iter().any(|ip| targets.contains(ip)) {
        return Some((3, 0));
    }
    if let (Address::Wildcard(suffix), Host::Name(name)) = (address, host)
        && name.ends_with(&format!(".{suffix}"))
    {
        return Some((2, suffix.len()));
    }
    if let Address::Net(net, length) = address {
        let kept = &bits(*net)[..usize::from(*length)];
        let inside = |ip: &&IpAddr| ip.is_ipv4() == net.is_ipv4() && bits(**ip).starts_with(kept);
        return targets
            .iter()
            .find(inside)
            .map(|_| (1, usize::from(*length)));
    }
    None
}

proptest! {
    /// Rule 9: among all resources that hold the destination, the strongest match governs, and of
    /// equals the lower id; none governs what no resource holds.
    #[test]
    fn the_strongest_match_governs(
        resources in resources(),
        host in host(),
        addresses in vec(ip(), 0..=2),
        port in prop::sample::select(vec![22u16, 80, 443, 450]),
    ) {
        let candidates = candidates(&resources);
        let chosen = governing(&candidates, &host, &addresses, port);
        let matches = candidates.iter().zip(&resources).filter(|(c, _)| c.ports.contains(port));
        let mut matches: Vec<_> = matches
            .filter_map(|(c, resource)| Some((strength(resource, &host, &addresses)?, c.id)))
            .collect();
        matches.sort_by(|(a, a_id), (b, b_id)| b.cmp(a).then(a_id.cmp(b_id)));
        prop_assert_eq!(chosen, matches.first().map(|(_, id)| *id));
    }

    /// Rule 9: exactly one governs, in whatever order the resources are listed.
    #[test]
    fn the_order_of_listing_decides_nothing(
        resources in resources(),
        host in host(),
        addresses in vec(ip(), 0..=2),
    ) {
        let mut candidates = candidates(&resources);
        let chosen = governing(&candidates, &host, &addresses, 443);
        candidates.reverse();
        prop_assert_eq!(governing(&candidates, &host, &addresses, 443), chosen);
    }

    /// Rule 9: a name is the same in any case, and with or without its final dot.
    #[test]
    fn case_and_final_dot_do_not_matter(name in name(), upper in any::<u64>(), dot: bool) {
        let typed: String = name
            .chars()
            .enumerate()
            .map(|(i, c)| if upper >> (i % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .chain(dot.then_some('.'))
            .collect();
        prop_assert_eq!(typed.parse::<Host>().unwrap(), Host::Name(name));
    }

    /// Rule 9: an address is the same however its number is written: decimal, hexadecimal, octal,
    /// as one number, or mapped into IPv6.
    #[test]
    fn numeric_spellings_do_not_matter(number: u32) {
        let ip = Ipv4Addr::from(number);
        let [a, b, c, d] = ip.octets();
        let spellings = [
            format!("{ip}"),
            format!("{ip}."),
            format!("{number}"),
            format!("{number:#x}"),
            format!("0{a:o}.{b:#x}.{c}.{d}"),
            format!("{a}.{b}.{}", u32::from(c) * 256 + u32::from(d)),
            format!("::ffff:{ip}"),
            format!("[::ffff:{ip}]"),
            format!("[::ffff:{:x}:{:x}]", number >> 16, number & 0xffff),
        ];
        for spelling in spellings {
            prop_assert_eq!(spelling.parse::<Host>().unwrap(), Host::Ip(ip.into()), "{}", spelling);
            let address = spelling.parse::<Address>().unwrap();
            prop_assert_eq!(address, Address::Ip(ip.into()));
        }
    }

    /// Rule 9: the canonical form of an address is itself an address, and the same one.
    #[test]
    fn canonical_forms_are_canonical(address in address(), text in "\\PC{0,20}") {
        prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }

    /// Rule 9: a prefix holds exactly the addresses that begin with its bits; a whole address is
    /// that address, and a mapped prefix is its IPv4 prefix.
    #[test]
    fn prefixes(number: u32, length in 0u8..=32) {
        let text = bits(Ipv4Addr::from(number).into());
        let padded = format!("{:0<32}", &text[..usize::from(length)]);
        let net = Ipv4Addr::from(u32::from_str_radix(&padded, 2).unwrap());
        let plain: Address = format!("{net}/{length}").parse().unwrap();
        let mapped: Address = format!("::ffff:{net}/{}", 96 + length).parse().unwrap();
        prop_assert_eq!(&plain, &mapped);
        let expected = if length == 32 {
            Address::Ip(net.into())
        } else {
            Address::Net(net.into(), length)
        };
        prop_assert_eq!(plain, expected);
        if net != Ipv4Addr::from(number) {
            let host_bits = format!("{}/{length}", Ipv4Addr::from(number));
            prop_assert!(host_bits.parse::<Address>().is_err());
        }
    }

    /// Rule 9: ports are a set: what is inside decides, not how it was written.
    #[test]
    fn ports_are_a_set(ranges in vec((1u16..=40, 0u16..=10), 1..=5), port in 1u16..=60) {
        let parts: Vec<_> =
            ranges.iter().map(|(from, more)| format!("{from}-{}", from + more)).collect();
        let ports: Ports = parts.join(",").parse().unwrap();
        let inside = |port: u16| ranges.iter().any(|(from, more)| (*from..=from + more).contains(&port));
        prop_assert_eq!(ports.contains(port), inside(port));
        let one_by_one: Vec<_> = (1..=60).filter(|p| inside(*p)).map(|p| p.to_string()).collect();
        prop_assert_eq!(one_by_one.join(",").parse::<Ports>().unwrap(), ports.clone());
        prop_assert_eq!(ports.to_string().parse::<Ports>().unwrap(), ports);
    }
}

fn chosen(resources: &[(&str, &str)], host: &str, port: u16) -> Option<i64> {
    let resources: Vec<Resource> = resources
        .iter()
        .map(|(address, ports)| (address.parse().unwrap(), ports.parse().unwrap(), vec![]))
        .collect();
    governing(&candidates(&resources), &host.parse().unwrap(), &[], port).map(|id| id.0)
}

/// Rule 9: a wildcard holds every name below its own, and not its own, nor one that ends alike.
#[test]
fn a_wildcard_does_not_hold_its_apex() {
    let resources = [("*.db.corp", "")];
    assert_eq!(chosen(&resources, "a.db.corp", 443), Some(1));
    assert_eq!(chosen(&resources, "b.a.db.corp", 443), Some(1));
    assert_eq!(chosen(&resources, "db.corp", 443), None);
    assert_eq!(chosen(&resources, "xdb.corp", 443), None);
    assert_eq!(chosen(&resources, "mydb.corp", 443), None);
}

/// Rule 9: the prefix of length zero holds its whole family, and not the other.
#[test]
fn the_shortest_prefix() {
    let resources = [("0.0.0.0/0", "")];
    assert_eq!(chosen(&resources, "255.255.255.255", 22), Some(1));
    assert_eq!(chosen(&resources, "::1", 22), None);
    assert_eq!(chosen(&[("::/0", "")], "fd00::1", 22), Some(1));
}

/// Rule 9: ports belong to what a resource is: two resources may share a name, and a name governs
/// nothing outside of its ports.
#[test]
fn ports_are_part_of_the_resource() {
    let resources = [("db.corp", "5432"), ("db.corp", "22"), ("*.corp", "")];
    assert_eq!(chosen(&resources, "db.corp", 5432), Some(1));
    assert_eq!(chosen(&resources, "db.corp", 22), Some(2));
    assert_eq!(chosen(&resources, "db.corp", 443), Some(3));
}

/// Rule 9: what an exact name resolves to is guarded as that name is, also when reached by number.
#[test]
fn the_number_of_a_name_is_guarded_too() {
    let number: IpAddr = "10.0.0.9".parse().unwrap();
    let name: Address = "db.corp".parse().unwrap();
    let net: Address = "10.0.0.0/8".parse().unwrap();
    let all = Ports::default();
    let resolved = [number];
    let candidates = [
        Candidate {
            id: ResourceId(1),
            address: &net,
            ports: &all,
            resolved: &[],
        },
        Candidate {
            id: ResourceId(2),
            address: &name,
            ports: &all,
            resolved: &resolved,
        },
    ];
    let by_number = governing(&candidates, &Host::Ip(number), &[], 5432);
    assert_eq!(by_number, Some(ResourceId(2)));
    let alias = Host::Name("alias.corp".to_owned());
    let by_alias = governing(&candidates, &alias, &[number], 5432);
    assert_eq!(by_alias, Some(ResourceId(2)));
}

/// Rule 9: internationalised names are compared in their ASCII form, and what is no name is none.
#[test]
fn other_spellings() {
    assert_eq!("BÜCHER.corp".parse::<Host>(), "xn--bcher-kva.corp".parse());
    assert_eq!("db。corp".parse::<Host>(), "db.corp".parse());
    assert_eq!("１０.0.0.1".parse::<Host>(), "10.0.0.1".parse());
    for text in [
        "",
        ".",
        "db..corp",
        "-db.corp",
        "*",
        "*.*.corp",
        "a.*.corp",
        "*.10.0.0.1",
        "d b.corp",
        "%64b.corp",
        "[10.0.0.1]",
        "10.0.0.1/33",
        "10.0.0.1/8",
        "10.0.0.0/+8",
        "::/129",
        "fe80::1%1",
    ] {
        assert!(text.parse::<Address>().is_err(), "{text:?}");
    }
    for text in [
        "0", "65536", "80-", "90-80", "80,,443", "http", "-1", "1-2-3",
    ] {
        assert!(text.parse::<Ports>().is_err(), "{text:?}");
    }
}

/// Rule 9: what may cover a destination is never said not to.
#[test]
fn what_may_take_over_is_known() {
    let may = |one: &str, other: &str| {
        let address = |text: &str| text.parse::<Address>().unwrap();
        address(one).may_cover(&address(other))
    };
    for (one, other) in [
        ("*.corp", "db.corp"),
        ("*.corp", "*.db.corp"),
        ("*.db.corp", "*.corp"),
        ("db.corp", "*.corp"),
        ("10.0.0.0/8", "10.1.0.0/16"),
        ("10.1.0.0/16", "10.0.0.0/8"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.0.0.0/8", "db.corp"),
        ("10.1.2.3", "*.corp"),
        ("*.corp", "10.1.2.3"),
        ("*.lab.corp", "db.prod.corp"),
        ("db.corp", "db.corp"),
    ] {
        assert!(may(one, other), "{one} covers {other}");
    }
    for (one, other) in [
        ("*.db.corp", "*.web.corp"),
        ("wiki.corp", "db.corp"),
        ("10.0.0.0/8", "11.0.0.1"),
        ("fd00::/8", "10.0.0.1"),
        ("db.corp", "10.0.0.1"),
    ] {
        assert!(!may(one, other), "{one} does not cover {other}");
    }
}
