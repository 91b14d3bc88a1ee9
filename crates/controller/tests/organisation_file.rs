//! `ORG.toml`: every mistake is listed with its line, and the sample organisation has none.
#![allow(clippy::unwrap_used, missing_docs)]

use hourkey_access::organisation::{OrgFile, Plan};
use hourkey_domain::organisation::Organisation;
use hourkey_testkit::organisation::SAMPLE;

fn mistakes(text: &str) -> String {
    let mistakes = OrgFile::parse(text).unwrap_err();
    mistakes
        .iter()
        .map(|mistake| format!("{mistake}\n"))
        .collect()
}

#[test]
fn the_sample_organisation_is_read() {
    let file = OrgFile::parse(SAMPLE).unwrap();
    assert_eq!(file.name, "Corp Example");
    assert_eq!((file.users.len(), file.resources.len()), (5, 15));
}

#[test]
fn every_mistake_is_listed_with_its_line() {
    let text = r#"nam = "Corp"

[[user]]
login = "Ada Park"
name = " "
roles = ["Boss", 3]

[[user]]
login = "lee"
name = "Lee"

[[user]]
login = "LEE"
name = "Lee again"

[[group]]
name = "Ops"
members = ["lee", "nobody", "lee"]

[[resource]]
name = "Database"
address = "db..corp"
ports = "0"
network = "Nowhere"
access = { mode = "AutoLock", period = "366d", lock_after = "0d", colour = "red" }

[[resource]]
name = "Web"
address = "web.corp"
network = "Nowhere"
url = "javascript:alert(1)"

[[assignment]]
group = "Ops"
resource = "Database"
until = 2030-01-01

[[assignment]]
group = "Ops"
resource = "Database"

[[assignment]]
group = "Ops"
resource = "Databse"
access = { mode = "Open", period = "1h", up_to = "2h", approval = "Never" }

[[assignment]]
group = "Opps"
resource = "Web"
access = { mode = "AutoLock", lock_after = "3 weeks" }

[[group]]
name = "Ops"

[[network]]
name = "Office"

[[network]]
name = "Office"

[[resource]]
name = "Web"
address = "web2.corp"
network = "Office"
access = { mode = "Standing" }
approvers = ["Owners"]
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
    line 1: "nam" is not known here; known are installation, name, periods, longest_period, fallback_reviewers, user, group, network, resource, assignment
    line 1: the file has no name
    line 4: a login has no spaces and at most 100 characters
    line 5: name begins or ends with white space: " "
    line 6: "Boss" is no role; roles are Member, AccessReviewer, Operator, Auditor and Admin
    line 6: roles must be a list of texts, and this is of type integer
    line 13: user "lee" stands here a second time, first in line 9
    line 18: "lee" stands in this list twice
    line 18: no user "nobody" in this file
    line 22: "db..corp" is no address: write a DNS name, *.name, an IP address or a prefix such as 10.1.0.0/16
    line 23: "0" are no ports: write 443, 8000-8010, or several with commas; leave it out for all
    line 24: no network "Nowhere" in this file
    line 25: "0d" is no number of unused days; lock_after is "1d" to "65535d"
    line 25: "366d": access lasts 365 days at most
    line 25: "colour" is not known here; known are mode, period, up_to, recommended, approval, lock_after
    line 27: this resource has no access settings: access = { mode = … }
    line 30: no network "Nowhere" in this file
    line 31: "javascript:alert(1)" is no http or https address
    line 36: until needs date, time and offset, such as 2027-01-31T17:00:00Z, not 2030-01-01
    line 38: assignment "Ops → Database" stands here a second time, first in line 33
    line 44: no resource "Databse" in this file
    line 45: "Never" is no approval; it is Manual or Automatic
    line 45: "Open" is no mode; modes are Standing, AutoLock and AccessRequest
    line 45: period (a preset) and up_to (a free choice) exclude each other
    line 48: no group "Opps" in this file
    line 50: "3 weeks" is no number of unused days; lock_after is "1d" to "65535d"
    line 53: group "Ops" stands here a second time, first in line 17
    line 59: network "Office" stands here a second time, first in line 56
    line 62: resource "Web" stands here a second time, first in line 28
    line 66: no group "Owners" in this file
    "#);
}

#[test]
fn broken_toml_names_its_line() {
    insta::assert_snapshot!(mistakes("name = \"Corp\"\n[[user]\n"), @"line 2: this is no TOML: unclosed array table, expected `]`");
}

#[test]
fn missing_settings_are_mistakes() {
    let text = r#"
name = "Corp"
[[network]]
name = "Office"
[[resource]]
name = "A"
address = "a.corp"
network = "Office"
[[resource]]
name = "B"
address = "b.corp"
network = "Office"
access = { period = "1h" }
[[resource]]
name = "C"
address = "c.corp"
network = "Office"
access = { mode = "AccessRequest" }
[[resource]]
name = "D"
address = "d.corp"
network = "Office"
access = { mode = "AccessRequest", period = "2h", recommended = "1h" }
[[resource]]
name = "E"
address = "e.corp"
network = "Office"
access = { mode = "AccessRequest", up_to = "2h", recommended = "1 day" }
[[resource]]
name = "F"
address = "f.corp"
network = "Office"
access = { mode = "AccessRequest", up_to = "8 days", recommended = "8 days" }
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
    line 5: this resource has no access settings: access = { mode = … }
    line 13: access needs a mode: "Standing", "AutoLock" or "AccessRequest"
    line 18: access needs a period = "4h", or up_to = "7d" for a free choice
    line 23: recommended goes with up_to: it is the length that is preselected
    line 28: recommended is 1 day, and up_to only 2 hours
    line 33: up_to is 7 days at most, also where longest_period is longer; for 8 days set period
    "#);
}

#[test]
fn the_difference_reads_like_a_difference() {
    let file = OrgFile::parse(
        r#"
name = "Corp"
[[user]]
login = "ada"
name = "Ada"
roles = ["Admin"]
[[group]]
name = "Ops"
members = ["ada"]
[[network]]
name = "Office"
[[resource]]
name = "Wiki"
address = "WIKI.corp."
network = "Office"
access = { mode = "AccessRequest", up_to = "4h", approval = "Automatic" }
[[assignment]]
group = "Ops"
resource = "Wiki"
access = { period = "1h" }
"#,
    )
    .unwrap();
    let plan = Plan::new(&Organisation::default(), &file, false);
    insta::assert_snapshot!(plan.to_string(), @r#"
    ~ organisation: its name becomes "Corp"
    + network Office
    + user ada: name Ada; roles Member, Admin
    + group Ops: members ada
    + resource Wiki: address wiki.corp; network Office; mode AccessRequest; period up to 4 hours; approval Automatic
    + assignment Ops → Wiki: period 1 hour
    "#);
}

#[test]
fn slips_around_fallback_reviewers_say_what_is_wrong() {
    for (text, said) in [
        (
            "name = \"A\"\nfallback_reviewers = [\" \"]\n",
            "line 2: each text of fallback_reviewers must be one that can be seen",
        ),
        (
            "name = \"A\"\nfallback_reviewers = \"Ops\"\n",
            "line 2: fallback_reviewers must be a list of texts",
        ),
        (
            "name = \"A\"\n[[group]]\nname = \"Ops\"\nfallback_reviewers = [\"Ops\"]\n",
            "line 4: \"fallback_reviewers\" is not known here; known are id, name, members; it belongs \
             before the first table",
        ),
    ] {
        let mistakes = mistakes(text);
        assert!(mistakes.starts_with(said), "{mistakes}");
        assert_eq!(mistakes.lines().count(), 1, "{mistakes}");
    }
    // What follows from a bracket that is missing is not told as well.
    let open = mistakes("name = \"A\"\nfallback_reviewers = [\"Ops\"\n\n[[user]]\nlogin = \"a\"\n");
    assert_eq!(open.lines().count(), 1, "{open}");
}

/// The built-in group needs no list and may be assigned; it never approves, and its name is written one way.
#[test]
fn the_built_in_group_is_assigned_and_never_approves() {
    let text = r#"name = "Corp"
fallback_reviewers = ["Everyone"]
[[network]]
name = "Office"
[[resource]]
name = "Wiki"
address = "wiki.corp"
network = "Office"
access = { mode = "Standing" }
approvers = ["Everyone"]
[[assignment]]
group = "everyone"
resource = "Wiki"
[[assignment]]
group = "Everyone"
resource = "Wiki"
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
    line 2: no group "Everyone" in this file; the built-in group is written "Everyone", in assignments alone: it never approves
    line 10: no group "Everyone" in this file; the built-in group is written "Everyone", in assignments alone: it never approves
    line 12: no group "everyone" in this file; the built-in group is written "Everyone", in assignments alone: it never approves
    "#);
}

/// A group of the file that has its name stays a group of its own, wherever the file names it.
#[test]
fn a_group_of_its_name_is_read_as_a_listed_one() {
    let file = OrgFile::parse(
        r#"
name = "Corp"
fallback_reviewers = ["Everyone"]
[[user]]
login = "ada"
name = "Ada"
roles = ["Admin"]
[[group]]
name = "Everyone (listed)"
[[group]]
name = "Everyone"
members = ["ada"]
[[network]]
name = "Office"
[[resource]]
name = "Wiki"
address = "wiki.corp"
network = "Office"
access = { mode = "Standing" }
approvers = ["Everyone"]
[[assignment]]
group = "Everyone"
resource = "Wiki"
"#,
    )
    .unwrap();
    let plan = Plan::new(&Organisation::default(), &file, false);
    insta::assert_snapshot!(plan.to_string(), @r#"
    ~ organisation: its name becomes "Corp"
    ~ organisation: fallback_reviewers + Everyone (listed 2)
    + network Office
    + user ada: name Ada; roles Member, Admin
    + group Everyone (listed 2): members ada
    + group Everyone (listed)
    + resource Wiki: address wiki.corp; network Office; mode Standing; period up to 7 days; approval Manual; approvers Everyone (listed 2)
    + assignment Everyone (listed 2) → Wiki
    ! group Everyone of this file is read as Everyone (listed 2): Everyone is built in, and means every enabled account. Give the group another name in the file, or assign Everyone and leave the group out
    "#);
    let twice = "name = \"A\"\n[[group]]\nname = \"Everyone\"\n[[group]]\nname = \"Everyone\"\n";
    let said = mistakes(twice);
    assert!(said.contains("stands here a second time"), "{said}");
}

#[test]
fn assignments_with_arrows_in_their_names_are_told_apart() {
    let text = r#"
name = "Corp"

[[network]]
name = "Office"

[[group]]
name = "a"

[[group]]
name = "a → b"

[[resource]]
name = "b → c"
address = "one.corp"
network = "Office"
access = { mode = "Standing" }

[[resource]]
name = "c"
address = "two.corp"
network = "Office"
access = { mode = "Standing" }

[[assignment]]
group = "a"
resource = "b → c"

[[assignment]]
group = "a → b"
resource = "c"
"#;
    let file = OrgFile::parse(text).unwrap();
    let plan = Plan::new(&Organisation::default(), &file, false).to_string();
    assert!(plan.contains("\"a\" → \"b → c\""), "{plan}");
    assert!(plan.contains("\"a → b\" → \"c\""), "{plan}");
    // The same pair twice is still a mistake.
    let twice = format!("{text}\n[[assignment]]\ngroup = \"a\"\nresource = \"b → c\"\n");
    assert!(
        mistakes(&twice).contains("assignment"),
        "{}",
        mistakes(&twice)
    );
}
