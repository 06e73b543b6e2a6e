//! Checks of the settings, the keys, the users and the machine.

use super::{Finding, Level, Patient};
use crate::limit;
use crate::when::{self, DAY};
use wardkey::admin::SettingsDocument;

pub(super) fn all(patient: &Patient) -> Vec<Finding> {
    let mut findings = vec![
        issuer(patient),
        transport(patient),
        lifetime(patient),
        refresh_lifetime(patient),
        audience(patient),
        proxies(patient),
        password_words(patient),
        password_grant(patient),
        clock(patient),
        files(patient),
        disk(patient),
        recovery(patient),
        audit(patient),
        key_rotation(patient),
    ];
    findings.extend(rates(&patient.settings));
    findings.extend(keys(patient));
    findings.extend(other_sites(patient));
    findings.extend(sleeping_users(patient));
    findings.extend(shut_out(patient));
    findings
}

/// Whom a restore or a recovery left outside.
fn shut_out(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rule = "ASVS 16.3.1";
    let waiting = patient.users.iter().filter(|user| !user.confirmed).count();
    if waiting > 0 {
        findings.push(
            Finding::new(Level::Warn, "unconfirmed_user", rule)
                .about("users")
                .found(format!("{} since a restore: nobody of them can log in", awaiting(waiting)))
                .fix("wardkey user confirm --all"),
        );
    }
    let clients = &patient.clients;
    if !clients.is_empty() && clients.iter().all(|(client, _)| !client.enabled) {
        findings.push(
            Finding::new(Level::Warn, "all_disabled", rule)
                .about("clients")
                .found("all are disabled, as after a recovery without a key")
                .fix("wardkey client enable CLIENT"),
        );
    }
    findings
}

fn awaiting(users: usize) -> String {
    match users {
        1 => "1 user awaits confirmation".to_owned(),
        _ => format!("{users} users await confirmation"),
    }
}

fn issuer(patient: &Patient) -> Finding {
    let issuer = &patient.settings.issuer;
    let rule = "RFC 8414 2; RFC 9207 (RFC 9700 4.4)";
    if issuer.starts_with("https://localhost") {
        Finding::new(Level::Warn, "issuer", rule)
            .found("the issuer is still this machine: tokens and metadata name nobody")
            .fix("wardkey settings set issuer=https://YOUR.HOST")
    } else {
        Finding::new(Level::Ok, "issuer", rule).found(issuer.clone())
    }
    .about("issuer")
}

fn transport(patient: &Patient) -> Finding {
    let rule = "RFC 9700 2.6; ASVS 12.2.1";
    if patient.settings.danger_allow_plain_http {
        Finding::new(Level::Bad, "transport", rule)
            .found("plain HTTP is answered: secrets and tokens cross the network readable")
            .fix("wardkey settings set danger_allow_plain_http=false")
    } else {
        Finding::new(Level::Ok, "transport", rule)
            .found("plain HTTP from other machines is refused")
    }
    .about("danger_allow_plain_http")
}

/// RFC 6750 5.3: "Token servers SHOULD issue short-lived (one hour or less) bearer tokens".
fn lifetime(patient: &Patient) -> Finding {
    let seconds = i64::from(patient.settings.access_token_lifetime);
    let rule = "RFC 6750 5.3; RFC 9700 2.2.1";
    if seconds > 3600 {
        Finding::new(Level::Warn, "lifetime", rule)
            .found(format!("access tokens live {}", when::length(seconds)))
            .fix("wardkey settings set access_token_lifetime=1h")
    } else {
        Finding::new(Level::Ok, "lifetime", rule).found(when::length(seconds))
    }
    .about("access_token_lifetime")
}

fn refresh_lifetime(patient: &Patient) -> Finding {
    let seconds = i64::from(patient.settings.refresh_token_lifetime);
    let rule = "RFC 9700 4.14; ASVS 10.4.8";
    if seconds > 180 * DAY {
        Finding::new(Level::Warn, "refresh_lifetime", rule)
            .found(format!("users log in again only after {}", when::length(seconds)))
            .fix("wardkey settings set refresh_token_lifetime=90d")
    } else {
        Finding::new(Level::Ok, "refresh_lifetime", rule).found(when::length(seconds))
    }
    .about("refresh_token_lifetime")
}

fn audience(patient: &Patient) -> Finding {
    let audience = patient.settings.audience.as_deref().unwrap_or(&patient.settings.issuer);
    Finding::new(Level::Ok, "audience", "RFC 9700 2.3; ASVS 10.3.1")
        .about("audience")
        .found(format!("every token is for {audience} alone"))
}

/// A range that a stranger can be in makes every address a claim.
fn proxies(patient: &Patient) -> Finding {
    let rule = "RFC 9700 4.13";
    let wide = patient.settings.trusted_proxies.iter().find(|range| is_wide(range));
    match wide {
        Some(range) => Finding::new(Level::Bad, "proxies", rule)
            .found(format!("the forwarding header of all of {range} is believed: anybody there can claim any address"))
            .fix("wardkey settings set trusted_proxies=ADDRESS_OF_THE_PROXY"),
        None => Finding::new(Level::Ok, "proxies", rule).found("only named proxies are believed"),
    }
    .about("trusted_proxies")
}

fn is_wide(range: &str) -> bool {
    let (address, length) = range.split_once('/').unwrap_or((range, "128"));
    let narrow = if address.contains(':') { 48 } else { 16 };
    length.parse::<u32>().is_ok_and(|length| length < narrow)
}

fn password_words(patient: &Patient) -> Finding {
    let rule = "ASVS 6.2.11";
    let settings = &patient.settings;
    let nothing = settings.clinic_name.is_empty() && settings.password_blocklist.is_empty();
    if nothing && !patient.users.is_empty() {
        Finding::new(Level::Hint, "password_words", rule)
            .found("users may take the clinic's own name as a password")
            .fix(
                "wardkey settings set clinic_name=\"YOUR CLINIC\" password_blocklist=TOWN,SOFTWARE",
            )
    } else {
        Finding::new(Level::Ok, "password_words", rule)
            .found("no user has a password of your words")
    }
    .about("password_blocklist")
}

/// RFC 9700 2.4: "The resource owner password credentials grant MUST NOT be used."
fn password_grant(patient: &Patient) -> Finding {
    let rule = "RFC 9700 2.4; ASVS 10.4.4";
    if patient.settings.dialects.iter().any(|dialect| dialect == "biot") {
        Finding::new(Level::Hint, "password_grant", rule)
            .found("BioT's clients handle users' passwords themselves")
            .fix("let other clients use authorization_code; without BioT's clients: wardkey settings set dialects=...")
    } else {
        Finding::new(Level::Ok, "password_grant", rule).found("no client handles users' passwords")
    }
    .about("dialects")
}

fn clock(patient: &Patient) -> Finding {
    let rule = "RFC 7519 4.1.4; ASVS 16.2.2";
    if patient.clock_off.abs() > 60 {
        Finding::new(Level::Bad, "clock", rule)
            .found(format!(
                "the machine's clock is {} away from the time believed",
                when::length(patient.clock_off.abs())
            ))
            .fix("set the machine's clock right (NTP); if it is right: wardkey clock accept")
    } else {
        Finding::new(Level::Ok, "clock", rule).found("the machine's clock is believed")
    }
    .about("clock")
}

fn files(patient: &Patient) -> Finding {
    let rule = "ASVS 13.3.2";
    if patient.open_files.is_empty() {
        Finding::new(Level::Ok, "files", rule).found("only their owner can read them")
    } else {
        let names = patient.open_files.join(" ");
        Finding::new(Level::Bad, "files", rule)
            .found(format!("others than their owner can read {names}"))
            .fix(format!("chmod go= {names}"))
    }
    .about("files")
}

fn disk(patient: &Patient) -> Finding {
    let status = &patient.status;
    let rule = "ASVS 15.2.2";
    let takes = limit::size(status.bytes);
    if !status.reserve {
        return Finding::new(Level::Bad, "disk_full", rule)
            .about("disk")
            .found("the disk is full: nothing is issued; what must end can still be ended")
            .fix("make room on the disk; it goes on by itself then");
    }
    let more = status.max_file_size.map_or(0, |limit| limit.saturating_mul(2));
    let (level, words) = match status.size {
        "full" => (Level::Bad, "has reached max_file_size: nothing is issued"),
        "near" => (Level::Warn, "is near max_file_size: at it nothing is issued"),
        _ => return Finding::new(Level::Ok, "file_size", rule).about("disk").found(takes),
    };
    Finding::new(level, "file_size", rule)
        .about("max_file_size")
        .found(format!("the database takes {takes} and {words}"))
        .fix(format!("wardkey settings set max_file_size={more}"))
}

fn recovery(patient: &Patient) -> Finding {
    let status = &patient.status;
    let rule = "ASVS 11.1.1";
    let (level, found) = match status.key_source {
        _ if status.recovery_code => (Level::Ok, "a recovery code opens it if the key is lost"),
        "dpapi" => (
            Level::Warn,
            "Windows sealed the key for this machine, and there is no recovery code: no other machine can open \
             the database or a copy of it",
        ),
        "host" => (Level::Hint, "there is no recovery code: without your key everything is lost"),
        _ => (Level::Warn, "there is no recovery code: without the key file everything is lost"),
    };
    let finding = Finding::new(level, "recovery_code", rule).about("master key").found(found);
    if level == Level::Ok { finding } else { finding.fix("wardkey key recovery") }
}

fn key_rotation(patient: &Patient) -> Finding {
    let rule = "ASVS 11.1.1, 13.3.4";
    match patient.settings.key_lifetime {
        None => Finding::new(Level::Warn, "key_rotation", rule)
            .found("the signing keys sign until somebody rotates them")
            .fix("wardkey settings set key_lifetime=90d"),
        Some(seconds) => {
            let length = when::length(i64::from(seconds));
            Finding::new(Level::Ok, "key_rotation", rule)
                .found(format!("the next signing key follows by itself after {length}"))
        }
    }
    .about("key_lifetime")
}

/// RFC 6749 2.3.1: "Since this client authentication method involves a password, the authorization server MUST
/// protect any endpoint utilizing it against brute force attacks."
fn rates(settings: &SettingsDocument) -> Vec<Finding> {
    let guess = ("RFC 6749 2.3.1; ASVS 6.3.1", "nobody is slowed down who guesses at secrets");
    let flood = ("ASVS 2.4.1", "one client can ask for more than all others together");
    let rates = [
        ("failure_rate", settings.failure_rate, guess, "10/60"),
        ("peer_failure_rate", settings.peer_failure_rate, guess, "60/600"),
        ("token_rate", settings.token_rate, flood, "600/1000"),
        ("revocation_rate", settings.revocation_rate, flood, "600/1000"),
    ];
    let findings = rates.into_iter().map(|(name, rate, (rule, without), usual)| {
        match rate {
            Some(rate) => Finding::new(Level::Ok, "rate", rule).found(limit::rate(rate)),
            None => Finding::new(Level::Warn, "rate", rule)
                .found(format!("there is no limit: {without}"))
                .fix(format!("wardkey settings set {name}={usual}")),
        }
        .about(name)
    });
    findings.collect()
}

fn audit(patient: &Patient) -> Finding {
    let rule = "ASVS 16.4.2";
    match &patient.audit_broken {
        Some(why) => Finding::new(Level::Bad, "audit", rule)
            .found(format!("the audit is broken: {why}"))
            .fix("keep a copy of all files as evidence, then see: wardkey audit verify"),
        None => Finding::new(Level::Ok, "audit", rule).found("every row is as it was written"),
    }
    .about("audit")
}

fn keys(patient: &Patient) -> Vec<Finding> {
    let old = |at: i64| patient.now - at > 366 * DAY;
    let signing = patient.keys.iter().filter(|key| key.state == "signing");
    signing
        .filter(|key| old(key.active_from))
        .map(|key| {
            Finding::new(Level::Warn, "key_age", "ASVS 13.3.4")
                .about(format!("key {}", key.kid))
                .found(format!("it has signed for {}", when::length(patient.now - key.active_from)))
                .fix(format!("wardkey key rotate --algorithm {}", key.algorithm))
        })
        .collect()
}

/// A site publishes its next keys two weeks ahead, if it is not told otherwise.
fn other_sites(patient: &Patient) -> Vec<Finding> {
    let findings = patient.sites.iter().filter_map(|site| {
        let issuer = &site.issuer;
        let about = format!("site {issuer}");
        if !site.enabled {
            return Some(
                Finding::new(Level::Hint, "site_disabled", "RFC 9700 2.3; ASVS 10.3.1")
                    .about(about)
                    .found("its tokens are refused: somebody disabled it, or the database was restored")
                    .fix(format!("wardkey issuer enable {issuer}, or wardkey issuer delete {issuer}")),
            );
        }
        let age = patient.now - site.updated_at;
        (age > 14 * DAY).then(|| {
            let age = when::length(age);
            Finding::new(Level::Warn, "site_keys", "RFC 7517 5")
                .about(about)
                .found(format!("its keys are of {age} ago: its next ones may be unknown here"))
                .fix("there: wardkey key export > SITE.json; here: wardkey issuer import < SITE.json")
        })
    });
    findings.collect()
}

fn sleeping_users(patient: &Patient) -> Vec<Finding> {
    let asleep = |at: i64| patient.now - at > 180 * DAY;
    let users = patient.users.iter().filter(|user| user.enabled && user.origin == "own");
    users
        .filter(|user| asleep(user.last_login_at.unwrap_or(user.created_at)))
        .map(|user| {
            Finding::new(Level::Hint, "unused_user", "ASVS 7.4.2")
                .about(format!("user {}", user.username))
                .found("has not logged in for half a year")
                .fix(format!("wardkey user disable {}", user.user_id))
        })
        .collect()
}
