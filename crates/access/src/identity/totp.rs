//! Codes of authenticator apps (RFC 6238): SHA-1, six digits, a new one every 30 seconds, as every app
//! knows them.

use anyhow::Context as _;
use hourkey_domain::Time;
use hourkey_domain::text::one_line;
use totp_rs::{Builder, Secret, Totp};

/// 160 bits, as RFC 4226, 4, recommends.
const SECRET_LEN: usize = 20;

/// What an authenticator app is told.
#[derive(Clone)]
pub struct Enrolment {
    /// The address that the app scans.
    pub address: String,
    /// The secret as text for typing, in groups of four.
    pub typed: String,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

/// A new secret.
pub(super) fn new_secret() -> Vec<u8> {
    let mut bytes = [0_u8; SECRET_LEN];
    rand::fill(&mut bytes);
    bytes.to_vec()
}

/// The step whose code this is: the one at this moment, or a neighbour, since clocks differ and typing
/// takes a while. Compared in constant time.
pub(super) fn step(secret: &[u8], code: &str, now: Time) -> Option<i64> {
    let seconds = u64::try_from(now.timestamp()).ok()?;
    let step = builder(secret).build().ok()?.check(code, seconds)?;
    i64::try_from(step).ok()
}

/// What an app is told of a secret: whose account where.
pub(super) fn enrolment(
    secret: &[u8],
    organisation: &str,
    login: &str,
) -> anyhow::Result<Enrolment> {
    // A colon stands between them.
    // And a picture holds only so much.
    let plain = |name: &str| one_line(&name.replace(':', " "), 30);
    let totp = builder(secret)
        .with_issuer(Some(format!("Hourkey {}", plain(organisation))))
        .with_account_name(plain(login))
        .build()
        .context("a secret that no app takes")?;
    Ok(Enrolment {
        address: totp.to_url().context("a secret without an address")?,
        typed: in_groups(&totp),
    })
}

fn builder(secret: &[u8]) -> Builder {
    Builder::new().with_secret(Secret::from(secret.to_vec()))
}

fn in_groups(totp: &Totp) -> String {
    let letters: Vec<char> = totp.secret().to_base32().chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's own examples.
    const RFC: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step(RFC, code, at(seconds)), Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_code_counts_in_its_step_and_its_neighbours() {
        let code = "287082";
        let taken = |seconds| step(RFC, code, at(seconds));
        // Its step is from 30 to 59.
        assert_eq!(taken(0), Some(1));
        assert_eq!(taken(89), Some(1));
        assert_eq!(taken(90), None);
        assert_eq!(step(RFC, "081804", at(1_111_111_109 - 60)), None);
        for wrong in ["287083", "28708", "2870822", "", "28708a", "+87082"] {
            assert_eq!(step(RFC, wrong, at(59)), None, "{wrong:?}");
        }
        assert_eq!(step(RFC, code, at(-1)), None);
    }

    #[test]
    fn an_app_is_told_whose_account_it_is() {
        let told = enrolment(RFC, "Corp: Example", "ada@corp.example").unwrap();
        let words = "otpauth://totp/Hourkey%20Corp%20Example:ada%40corp.example?";
        assert!(told.address.starts_with(words), "{}", told.address);
        assert!(
            told.address
                .contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        );
        assert_eq!(told.typed, "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_ne!(new_secret(), new_secret());
    }
}
