//! Secrets: shown once, never taken as an argument, never repeated.

use crate::common::issue;
use crate::{Desk, registered};

#[test]
fn a_secret_is_shown_once_and_on_standard_output_alone() {
    let desk = Desk::new();
    let added = desk.run("client add Lab --scope lab:read").ok();
    assert_eq!(added.out.matches("wks_").count(), 1);
    assert!(!added.err.contains("wks_"));
    for line in [
        "client show Lab",
        "client show Lab --json",
        "client list --json",
        "secret list Lab --json",
        "audit tail --json",
        "audit export",
        "settings get",
    ] {
        assert!(!desk.run(line).ok().out.contains("wks_"), "{line}");
    }
}

#[test]
fn a_short_one_is_not_repeated_either() {
    let desk = Desk::new();
    for line in ["user password bea hunter2", "leak hunter2", "leak client_secret=hunter2"] {
        let done = desk.run(line).fails(2);
        assert!(!done.err.contains("hunter2") && !done.out.contains("hunter2"), "{}", done.err);
    }
}

#[test]
fn a_secret_given_as_an_argument_is_refused_and_not_repeated() {
    let desk = Desk::new();
    let client = registered(&desk.client("Lab"));
    let token = issue(&desk.place.open(), &client);
    for secret in [&client.secret, &token] {
        for line in [
            "leak",
            "leak --keep",
            "token verify",
            "token inspect",
            "user password anna",
            "client import x --name y",
            "",
        ] {
            let done = desk.run(&format!("{line} {secret}")).fails(2);
            let said = format!("{}{}", done.out, done.err);
            assert!(!said.contains(secret.as_str()), "{line}: {said}");
        }
    }
    // Where a name belongs it is not found, and not repeated either.
    for line in [
        "client show",
        "client revoke -y",
        "client rotate",
        "client rotate Lab --secret-id",
        "client export",
        "secret list",
        "secret edit Lab --label x",
        "issuer show",
        "user show",
        "audit explain",
    ] {
        let done = desk.run(&format!("{line} {}", client.secret));
        assert!(done.code != 0 && !done.err.contains(&client.secret), "{line}: {}", done.err);
    }
}

#[test]
fn the_audit_says_who_did_it() {
    let desk = Desk::new();
    desk.client("Lab");
    desk.run("client disable Lab --actor bert").ok();
    let tail = desk.run("audit tail").ok().out;
    assert!(tail.contains("by anna") && tail.contains("was disabled, by bert"), "{tail}");
}

#[test]
fn a_name_from_elsewhere_does_not_move_the_cursor() {
    let desk = Desk::new();
    let done = desk.run_words(&["client", "add", "Lab\u{1b}[2J"], "");
    // The library takes none such; if it ever does, it is shown and not obeyed.
    assert!(!done.out.contains('\u{1b}') && !done.err.contains('\u{1b}'));
}
