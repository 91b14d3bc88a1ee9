//! The proxy auto-configuration file: sends the person's resources to the proxy, and nothing else.

use hourkey_domain::address::{Address, Ports};
use serde::Serialize;

/// Its media type.
pub(super) const MEDIA_TYPE: &str = "application/x-ns-proxy-autoconfig";

/// One resource, as the script reads it.
#[derive(Serialize)]
struct Rule {
    /// `name`, `below` (a wildcard), `ip` or `net` (IPv4).
    kind: &'static str,
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<u8>,
    /// Both ends included; none for all.
    ports: Vec<(u16, u16)>,
}

/// The file for these addresses, with the proxy at `port`. IPv6 prefixes are left out: scripts
/// have no sure way to compare them.
pub(super) fn file<'a>(
    addresses: impl Iterator<Item = (&'a Address, &'a Ports)>,
    port: u16,
) -> String {
    let rules: Vec<Rule> = addresses.filter_map(rule).collect();
    // Addresses are letters, digits and a few signs; JSON escapes whatever else might ever come.
    let rules = serde_json::to_string(&rules).unwrap_or_else(|_| "[]".to_owned());
    SCRIPT
        .replace("$PORT", &port.to_string())
        .replace("$RULES", &rules)
}

fn rule((address, ports): (&Address, &Ports)) -> Option<Rule> {
    let (kind, host, bits) = match address {
        Address::Name(name) => ("name", name.clone(), None),
        Address::Wildcard(name) => ("below", format!(".{name}"), None),
        Address::Ip(ip) => ("ip", ip.to_string(), None),
        Address::Net(ip, bits) if ip.is_ipv4() => ("net", ip.to_string(), Some(*bits)),
        Address::Net(_, _) => return None,
    };
    Some(Rule {
        kind,
        host,
        bits,
        ports: ports.ranges().to_vec(),
    })
}

/// Old engines read it too: no newer JavaScript than ECMAScript 3. It asks for no name to be
/// resolved, so none of the person's resources leaks to a resolver.
const SCRIPT: &str = r#"var rules = $RULES;

function number(ip) {
  var parts = ip.split(".");
  return ((+parts[0] * 256 + +parts[1]) * 256 + +parts[2]) * 256 + +parts[3];
}

function portOf(url) {
  var found = /^[a-z]+:\/\/[^\/?#]*:([0-9]+)(?:[\/?#]|$)/i.exec(url);
  if (found) return +found[1];
  return /^(https|wss):/i.test(url) ? 443 : /^ftp:/i.test(url) ? 21 : 80;
}

function holdsHost(rule, host) {
  if (rule.kind === "below") {
    return host.length > rule.host.length &&
      host.slice(host.length - rule.host.length) === rule.host;
  }
  if (rule.kind === "net") {
    if (!/^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(host)) return false;
    var size = Math.pow(2, 32 - rule.bits);
    return Math.floor(number(host) / size) === Math.floor(number(rule.host) / size);
  }
  return host === rule.host;
}

function holdsPort(rule, port) {
  if (rule.ports.length === 0) return true;
  for (var i = 0; i < rule.ports.length; i++) {
    if (port >= rule.ports[i][0] && port <= rule.ports[i][1]) return true;
  }
  return false;
}

function FindProxyForURL(url, host) {
  host = host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
  var port = portOf(url);
  for (var i = 0; i < rules.length; i++) {
    if (holdsHost(rules[i], host) && holdsPort(rules[i], port)) {
      return "PROXY 127.0.0.1:$PORT";
    }
  }
  return "DIRECT";
}
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(resources: &[(&str, &str)]) -> String {
        let resources: Vec<(Address, Ports)> = resources
            .iter()
            .map(|(address, ports)| (address.parse().unwrap(), ports.parse().unwrap()))
            .collect();
        let addresses = resources.iter().map(|(address, ports)| (address, ports));
        file(addresses, 4_711)
    }

    #[test]
    fn resources_alone_are_named() {
        let text = rules(&[
            ("wiki.corp", "443, 8000-8010"),
            ("*.db.corp", ""),
            ("10.1.2.3", ""),
            ("10.1.0.0/16", ""),
            ("fd00::/64", ""),
        ]);
        let first = text.lines().next().unwrap();
        assert_eq!(
            first,
            r#"var rules = [{"kind":"name","host":"wiki.corp","ports":[[443,443],[8000,8010]]},"#
                .to_owned()
                + r#"{"kind":"below","host":".db.corp","ports":[]},"#
                + r#"{"kind":"ip","host":"10.1.2.3","ports":[]},"#
                + r#"{"kind":"net","host":"10.1.0.0","bits":16,"ports":[]}];"#
        );
        assert!(text.contains(r#"return "PROXY 127.0.0.1:4711";"#));
        assert!(!text.contains("$PORT") && !text.contains("dnsResolve"));
    }
}
