//! Where no name may lead: this machine, its link, everybody, a cloud's metadata, and addresses that
//! only carry another one. An administrator may still lead there, by `[hosts]` or by a resource with
//! exactly that address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A prefix of IPv4: address, length, and where it is written.
type V4 = (Ipv4Addr, u32, &'static str);
/// A prefix of IPv6.
type V6 = (Ipv6Addr, u32, &'static str);

const IPV4: [V4; 9] = [
    (
        Ipv4Addr::UNSPECIFIED,
        8,
        "this host on this network: RFC 1122, 3.2.1.3",
    ),
    (
        Ipv4Addr::new(100, 100, 100, 200),
        32,
        "metadata: Alibaba Cloud, \"View instance metadata\"",
    ),
    (
        Ipv4Addr::new(127, 0, 0, 0),
        8,
        "loopback: RFC 1122, 3.2.1.3",
    ),
    (
        Ipv4Addr::new(168, 63, 129, 16),
        32,
        "platform: Microsoft, \"What is IP address 168.63.129.16?\"",
    ),
    (
        Ipv4Addr::new(169, 254, 0, 0),
        16,
        "link-local and most clouds' metadata: RFC 3927",
    ),
    (
        Ipv4Addr::new(192, 0, 0, 0),
        24,
        "protocol assignments: RFC 6890, 2.2.2; 192.0.0.192: Oracle Cloud metadata",
    ),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relays: RFC 7526"),
    (
        Ipv4Addr::new(198, 18, 0, 0),
        15,
        "benchmarks: RFC 2544, C.2.2",
    ),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast: RFC 5771"),
];

const IPV6: [V6; 14] = [
    (
        Ipv6Addr::UNSPECIFIED,
        96,
        "unspecified, loopback, IPv4-compatible: RFC 4291, 2.5.2 to 2.5.5.1",
    ),
    (
        v6([0, 0, 0, 0, 0xffff, 0, 0, 0]),
        96,
        "IPv4-translated: RFC 7915, 2",
    ),
    (
        v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0]),
        96,
        "NAT64, carries IPv4: RFC 6052, 2.1",
    ),
    (
        v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0]),
        48,
        "NAT64, local: RFC 8215",
    ),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0]), 64, "discard: RFC 6666"),
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0]),
        32,
        "Teredo, carries IPv4: RFC 4380",
    ),
    (
        v6([0x2002, 0, 0, 0, 0, 0, 0, 0]),
        16,
        "6to4, carries IPv4: RFC 3056",
    ),
    (
        v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]),
        128,
        "metadata: Oracle Cloud, \"Instance metadata\"",
    ),
    (
        v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0]),
        32,
        "metadata, time and DNS: AWS, \"Instance metadata\", \"fd00:ec2::254\"",
    ),
    (
        v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]),
        128,
        "metadata: Google Cloud, \"About VM metadata\"",
    ),
    (
        v6([0xfe80, 0, 0, 0, 0, 0, 0, 0]),
        10,
        "link-local: RFC 4291, 2.5.6",
    ),
    (
        v6([0xfec0, 0, 0, 0, 0, 0, 0, 0]),
        10,
        "site-local: RFC 3879",
    ),
    (
        v6([0xff00, 0, 0, 0, 0, 0, 0, 0]),
        8,
        "multicast: RFC 4291, 2.7",
    ),
    (
        v6([0x5f00, 0, 0, 0, 0, 0, 0, 0]),
        16,
        "segment routing: RFC 9602",
    ),
];

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8]) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, e, f, g, h)
}

/// Returns why no name may resolve to an address; `None` when it may.
pub(crate) fn why(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some("broadcast: RFC 919"),
        IpAddr::V4(ip) => {
            let within = |(net, bits, _): &&V4| (ip.to_bits() ^ net.to_bits()) >> (32 - bits) == 0;
            IPV4.iter().find(within).map(|(_, _, why)| *why)
        }
        IpAddr::V6(ip) => {
            let within = |(net, bits, _): &&V6| {
                (ip.to_bits() ^ net.to_bits()).checked_shr(128 - bits) == Some(0)
            };
            let found = IPV6.iter().find(within).map(|(_, _, why)| *why);
            found.or_else(|| why(IpAddr::V4(isatap(ip)?)))
        }
    }
}

/// The IPv4 address inside an ISATAP one, which may be of any network (RFC 5214, 6.1).
fn isatap(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, _, _, _, kind, marker, high, low] = ip.segments();
    let is_isatap = (kind == 0 || kind == 0x200) && marker == 0x5efe;
    is_isatap.then(|| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_name_may_lead_to() {
        for forbidden in [
            "0.0.0.0",
            "0.1.2.3",
            "100.100.100.200",
            "127.0.0.1",
            "127.9.9.9",
            "168.63.129.16",
            "169.254.169.254",
            "192.0.0.192",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:10.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001:0:1::1",
            "2002:a00:1::1",
            "fd00:c1::a9fe:a9fe",
            "fd00:ec2::254",
            "fd00:ec2::253",
            "fd20:ce::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::5efe:127.0.0.1",
            "2001:db8::200:5efe:169.254.169.254",
        ] {
            assert!(why(forbidden.parse().unwrap()).is_some(), "{forbidden}");
        }
        for usual in [
            "10.0.0.1",
            "100.64.0.1",
            "168.63.129.17",
            "192.0.1.1",
            "192.168.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "::ffff:10.0.0.1",
            "64:ff9b:2::1",
            "2001:1::1",
            "2001:db8::1",
            "2001:db8::5efe:10.0.0.1",
            "2003::1",
            "fd00::1",
            "fd20:ce::253",
            "fd77::1",
        ] {
            assert_eq!(why(usual.parse().unwrap()), None, "{usual}");
        }
    }
}
