//! Prerequisites: lists what is missing on this machine, and installs it through apt.

use std::env;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::{run, target};

/// The purpose of the machine. Each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Building every binary.
    Build,
    /// Checking formatting and lints, and running the unit tests.
    Check,
    /// Running every test, or the tour on a display of its own.
    Test,
    /// Measuring the gateway beside other relays.
    Bench,
}

/// A group of Debian packages and why they are needed.
struct PackageGroup {
    purpose: Purpose,
    why: &'static str,
    names: &'static [&'static str],
}

const PACKAGES: &[PackageGroup] = &[
    PackageGroup {
        purpose: Purpose::Build,
        why: "compiling and linking (TLS and SQLite are C)",
        names: &["build-essential", "pkg-config"],
    },
    PackageGroup {
        purpose: Purpose::Build,
        why: "the desktop window (WebKitGTK) and D-Bus",
        names: &["libwebkit2gtk-4.1-dev", "libdbus-1-dev"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "a display and a session bus of the tests' own",
        names: &["xvfb", "dbus", "fonts-dejavu-core"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "browsers: the controller's pages, the way through a gateway, and the app's own window",
        names: &[
            "chromium",
            "chromium-driver",
            "firefox-esr",
            "webkit2gtk-driver",
        ],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "curl, and one that speaks HTTP/2 to a proxy",
        names: &["curl", "python3-venv"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "programs that reach web servers through the local proxy",
        names: &[
            "apache2-utils",
            "git",
            "python3-aiohttp",
            "python3-requests",
        ],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "what people reach through a gateway: ssh and a database, with their own clients",
        names: &["openssh-server", "openssh-client", "postgresql"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "reverse proxies in front of the controller, and without it",
        names: &["nginx-light", "caddy", "haproxy"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "a spreadsheet program, which opens what people download",
        names: &["gnumeric"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "a real keyring",
        names: &["gnome-keyring", "libsecret-tools"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "a real tray and notifications in the tour's pictures",
        names: &[
            "xfwm4",
            "xfce4-panel",
            "xfconf",
            "dunst",
            "xdotool",
            "imagemagick",
            "adwaita-icon-theme",
            "librsvg2-common",
        ],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "the proxy settings of a desktop, which browsers follow",
        names: &["libglib2.0-bin", "gsettings-desktop-schemas"],
    },
    PackageGroup {
        purpose: Purpose::Test,
        why: "faults: wrong wall clocks, proof of writes to disk, and networks and DNS that break",
        names: &["faketime", "strace", "iproute2", "dnsmasq-base"],
    },
    PackageGroup {
        purpose: Purpose::Bench,
        why: "relays that the gateway is measured beside",
        names: &[
            "openssh-client",
            "openssh-server",
            "stunnel4",
            "libnginx-mod-stream",
            "openssl",
        ],
    },
];

const MIN_NODE_VERSION: Version = Version(20, 19);

/// Makes sure that this machine has what the purpose needs, and installs it if wanted.
///
/// # Errors
/// Names what is missing or too old and what to do about it.
pub(crate) fn ensure(purpose: Purpose, install: bool) -> Result<()> {
    check_versions()?;
    if purpose >= Purpose::Check {
        ensure_components(install)?;
    }
    let groups: Vec<&PackageGroup> = PACKAGES
        .iter()
        .filter(|group| group.purpose <= purpose)
        .collect();
    let Some(system) = Debian::here() else {
        println!("This is neither Debian nor Ubuntu. Hourkey needs here what Debian calls:");
        for group in groups {
            println!("  {}  ({})", group.names.join(" "), group.why);
        }
        return Ok(());
    };

    let mut missing = Vec::new();
    for group in groups {
        let names: Vec<&str> = group.names.iter().map(|name| system.name(name)).collect();
        let absent = absent(&names)?;
        if !absent.is_empty() {
            println!("missing: {}  ({})", absent.join(" "), group.why);
            missing.extend(absent);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !install {
        bail!("install them with: apt-get install {}", missing.join(" "));
    }
    if system == Debian::Ubuntu {
        println!(
            "Ubuntu is supported as well as can be: its Chromium is a snap, which may not run as \
             root or in a container."
        );
    }
    as_root("apt-get update", &["apt-get", "update"])?;
    let mut install = vec!["sh", "-c", INSTALL_SCRIPT, "install"];
    install.extend(&missing);
    as_root(&format!("apt-get install {}", missing.join(" ")), &install)
}

/// Installs packages without starting the servers among them (invoke-rc.d(8)): tests start their
/// own, and nothing of the machine is taken.
const INSTALL_SCRIPT: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
apt-get install --yes --no-install-recommends "$@"
"#;

/// What the tests have of Python's package index: a libcurl that is newer than Debian's, an SMTP server, and
/// a program that makes calls up from the description of an API; with what these need themselves.
const PYTHON_PACKAGES: [&str; 31] = [
    "aiosmtpd==1.4.6",
    "anyio==4.16.0",
    "atpublic==9.0.0",
    "attrs==26.1.0",
    "certifi==2026.10.19.post1",
    "charset-normalizer==3.5.3",
    "click==8.5.1",
    "graphql-core==3.3.2",
    "harfile==0.6.0",
    "hypothesis-graphql==0.13.5",
    "hypothesis==6.170.17",
    "idna==3.20",
    "iniconfig==2.3.1",
    "jsonschema_rs==0.60.3",
    "markdown-it-py==4.3.0",
    "MarkupSafe==3.0.4",
    "mdurl==0.1.2",
    "packaging==26.4",
    "pluggy==1.7.0",
    "pycurl==7.49.0",
    "Pygments==2.21.0",
    "pyrate-limiter==4.5.1",
    "pytest==9.2.0",
    "PyYAML==6.0.4",
    "requests==2.34.2",
    "rich==15.0.0",
    "schemathesis==4.32.5",
    "sortedcontainers==2.4.0",
    "typing_extensions==4.16.0",
    "urllib3==2.8.0",
    "Werkzeug==3.1.9",
];

/// Prints which packages are there, as they are written above.
const PRINT_PACKAGES: &str = "from importlib.metadata import distributions\n\
    for it in distributions(): print(f'{it.name}=={it.version}')";

/// Makes the tests' own Python environment in cargo's target folder.
///
/// # Errors
/// When it is not there and not wanted to be made, or cannot be.
pub(crate) fn ensure_python(install: bool) -> Result<()> {
    let folder = target().join("python");
    let python = folder.join("bin/python");
    let output = Command::new(&python).args(["-c", PRINT_PACKAGES]).output();
    let there = output.map(|output| output.stdout).unwrap_or_default();
    let there = String::from_utf8_lossy(&there);
    let is_missing = |package: &&str| !there.lines().any(|line| line == *package);
    let missing: Vec<&str> = PYTHON_PACKAGES.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("missing: {} in {}", missing.join(" "), folder.display());
    if !install {
        bail!("run this without --no-install to make a Python environment with them there");
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))?;
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .arg("--only-binary=:all:")
        .args(PYTHON_PACKAGES))
}

/// Formatter and lints come with Rust, but not with its smallest profile.
fn ensure_components(install: bool) -> Result<()> {
    let is_there = |tool: &str| {
        let mut version = Command::new("cargo");
        let output = version.args([tool, "--version"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let missing: Vec<&str> = [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(tool, _)| !is_there(tool))
        .map(|(_, component)| component)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("missing: {}  (checks of the code)", missing.join(" "));
    if !install {
        bail!(
            "install them with: rustup component add {}",
            missing.join(" ")
        );
    }
    let mut add = Command::new("rustup");
    add.args(["component", "add"]).args(&missing);
    run(&mut add).context("without rustup, install rustfmt and clippy as your system has them")
}

/// The systems whose packages we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Debian {
    Debian,
    Ubuntu,
}

impl Debian {
    fn here() -> Option<Self> {
        Self::named_in(&fs::read_to_string("/etc/os-release").ok()?)
    }

    /// Reads the system from the text of os-release(5).
    fn named_in(os_release: &str) -> Option<Self> {
        let names: Vec<&str> = os_release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
            .flat_map(|value| value.trim_matches('"').split_whitespace())
            .collect();
        if names.contains(&"ubuntu") {
            Some(Self::Ubuntu)
        } else if names.contains(&"debian") {
            Some(Self::Debian)
        } else {
            None
        }
    }

    /// What this system calls a Debian package.
    fn name(self, debian: &'static str) -> &'static str {
        match (self, debian) {
            (Self::Ubuntu, "chromium") => "chromium-browser",
            (Self::Ubuntu, "chromium-driver") => "chromium-chromedriver",
            (Self::Ubuntu, "firefox-esr") => "firefox",
            (Self::Ubuntu | Self::Debian, name) => name,
        }
    }
}

/// Those of the packages that dpkg does not hold installed.
fn absent<'names>(names: &[&'names str]) -> Result<Vec<&'names str>> {
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\\n"])
        .args(names)
        .output()
        .context("cannot start dpkg-query, which tells what is installed")?;
    let installed = String::from_utf8_lossy(&output.stdout);
    Ok(names
        .iter()
        .copied()
        .filter(|name| {
            !installed
                .lines()
                .any(|line| line == format!("{name} installed"))
        })
        .collect())
}

/// Runs a command without questions, as root or through sudo; `what` says to people what it is.
fn as_root(what: &str, arguments: &[&str]) -> Result<()> {
    let user = Command::new("id").arg("-u").output()?;
    let mut command = if user.stdout.trim_ascii() == b"0" {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    };
    command
        .arg("DEBIAN_FRONTEND=noninteractive")
        .args(arguments);
    println!("as root: {what}");
    run(&mut command).context(
        "installing needs root: run this as root or with sudo set up, or install the packages \
         yourself and pass --no-install",
    )
}

/// A version as far as it matters: major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Version {
    /// The first word of the text that looks like a version, for example of `rustc 1.95.0 (…)`
    /// or `v20.20.2`.
    fn first_in(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let mut parts = word.trim_start_matches('v').split('.');
            Some(Self(
                parts.next()?.parse().ok()?,
                parts.next()?.parse().ok()?,
            ))
        })
    }
}

/// Checks Rust and Node, which Debian's own packages have too old.
fn check_versions() -> Result<()> {
    let rust = Version::first_in(env!("CARGO_PKG_RUST_VERSION")).context("no rust-version")?;
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    check_version("Rust", Command::new(rustc), rust, "`rustup update stable`")?;
    let advice = "from nodejs.org, or with a version manager such as nvm or fnm";
    check_version("Node", Command::new("node"), MIN_NODE_VERSION, advice)
}

fn check_version(name: &str, mut command: Command, least: Version, advice: &str) -> Result<()> {
    let Version(major, minor) = least;
    let wanted = format!("Hourkey needs {name} {major}.{minor} or newer: install it ({advice})");
    let Ok(output) = command.arg("--version").output() else {
        bail!("{name} was not found. {wanted}");
    };
    let said = String::from_utf8_lossy(&output.stdout);
    match Version::first_in(&said) {
        Some(found) if found >= least => Ok(()),
        Some(Version(major, minor)) => bail!("{name} is {major}.{minor}. {wanted}"),
        None => bail!(
            "{name} does not say its version ({}). {wanted}",
            said.trim()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(Version::first_in("v20.20.2\n"), Some(Version(20, 20)));
        assert_eq!(
            Version::first_in("rustc 1.95.0 (59807616e)"),
            Some(Version(1, 95))
        );
        assert!(Version::first_in("v20.9.0") < Some(MIN_NODE_VERSION));
        assert_eq!(Version::first_in("command not found"), None);
    }

    #[test]
    fn systems_are_told_apart() {
        assert_eq!(Debian::named_in("ID=debian\n"), Some(Debian::Debian));
        assert_eq!(
            Debian::named_in("ID=ubuntu\nID_LIKE=debian\n"),
            Some(Debian::Ubuntu)
        );
        assert_eq!(
            Debian::named_in("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"),
            Some(Debian::Ubuntu)
        );
        assert_eq!(Debian::named_in("NAME=debian\nID=fedora\n"), None);
    }

    #[test]
    fn a_tool_too_old_is_refused_with_what_to_do() {
        let mut node = Command::new("echo");
        node.arg("v18.19.0");
        let error = check_version("Node", node, MIN_NODE_VERSION, "from nodejs.org").unwrap_err();
        assert_eq!(
            error.to_string(),
            "Node is 18.19. Hourkey needs Node 20.19 or newer: install it (from nodejs.org)"
        );
    }
}
