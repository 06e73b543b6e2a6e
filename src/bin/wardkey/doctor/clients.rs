//! Checks of each client and its secrets.

use super::{Finding, Level, Patient};
use crate::secret::{last_used, used_since_rotation};
use crate::when::{self, DAY};
use wardkey::admin::{ClientDocument, SecretDocument};

pub(super) fn all(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (client, secrets) in patient.clients.iter().filter(|(client, _)| client.enabled) {
        findings.extend(registration(client, patient));
        findings.extend(unused(client, secrets, patient.now));
        findings.extend(too_many(client, secrets, patient.now));
        for secret in secrets {
            findings.extend(of_secret(client, secret, patient.now));
        }
    }
    if findings.is_empty() {
        findings.push(
            Finding::new(Level::Ok, "clients", "RFC 9700 2; ASVS 10.4")
                .about("clients")
                .found("no client or secret has anything to mend"),
        );
    }
    findings
}

fn registration(client: &ClientDocument, patient: &Patient) -> Vec<Finding> {
    let id = &client.client_id;
    let mut findings = Vec::new();
    let mut add = |level, check, rule, found: &str, fix: String| {
        findings.push(Finding::new(level, check, rule).about(name(client)).found(found).fix(fix));
    };
    if client.danger_allow_no_pkce {
        add(
            Level::Bad,
            "pkce",
            "RFC 9700 2.1.1; ASVS 10.4.6",
            "may ask for codes without a code challenge: a stolen code is all it takes",
            format!("wardkey client edit {id} --danger-allow-no-pkce false"),
        );
    }
    if client.redirect_uris.iter().any(|uri| !uri.starts_with("http")) {
        add(
            Level::Hint,
            "app_scheme",
            "RFC 8252 7.1; RFC 9700 4.1",
            "its answers go to an app's own scheme, which another app can claim",
            format!("wardkey client edit {id} --redirect-uri https://..."),
        );
    }
    let words: Vec<_> = client.scope.split_whitespace().collect();
    if words.len() > 3 && words.len() == patient.scopes.len() {
        add(
            Level::Warn,
            "scope",
            "RFC 9700 2.3; ASVS 10.4.11",
            "may do everything there is",
            format!("wardkey client edit {id} --scope \"WORDS IT NEEDS\""),
        );
    }
    if client.access_token_lifetime.is_some_and(|seconds| seconds > 3600) {
        let lives = when::length(client.access_token_lifetime.map_or(0, i64::from));
        add(
            Level::Warn,
            "lifetime",
            "RFC 6750 5.3; RFC 9700 2.2.1",
            &format!("its access tokens live {lives}"),
            format!("wardkey client edit {id} --lifetime none"),
        );
    }
    let is_machine = client.grant_types.iter().any(|grant| grant == "client_credentials");
    if is_machine && client.allowed_networks.is_empty() {
        add(
            Level::Hint,
            "networks",
            "RFC 9700 2.2.1, 4.10",
            "may come from anywhere: a stolen secret works from anywhere",
            format!("wardkey client edit {id} --network ITS_ADDRESS"),
        );
    }
    findings
}

fn unused(client: &ClientDocument, secrets: &[SecretDocument], now: i64) -> Option<Finding> {
    let last = secrets.iter().filter_map(last_used).max().unwrap_or(client.client_id_issued_at);
    // Of a public client no use is counted here.
    (!secrets.is_empty() && now - last > 180 * DAY).then(|| {
        Finding::new(Level::Warn, "unused_client", "ASVS 10.4.4, 13.2.2")
            .about(name(client))
            .found("was not used for half a year")
            .fix(format!("wardkey client disable {}", client.client_id))
    })
}

fn too_many(client: &ClientDocument, secrets: &[SecretDocument], now: i64) -> Option<Finding> {
    let living = secrets.iter().filter(|secret| secret.expires_at.is_none_or(|until| until > now));
    let count = living.count();
    (count > 2).then(|| {
        Finding::new(Level::Warn, "many_secrets", "ASVS 13.3.4")
            .about(name(client))
            .found(format!("has {count} living secrets; a change of secrets needs two"))
            .fix(format!("wardkey secret list {}, then secret revoke", client.client_id))
    })
}

fn of_secret(client: &ClientDocument, secret: &SecretDocument, now: i64) -> Vec<Finding> {
    let (client_id, id) = (&client.client_id, &secret.credential_id);
    let finding = |level, check, rule, found: &str, fix: String| {
        let about = format!("{}, secret {id}", name(client));
        Finding::new(level, check, rule).about(about).found(found).fix(fix)
    };
    if secret.expires_at.is_some_and(|until| until <= now) {
        let fix = format!("wardkey secret revoke {client_id} {id}");
        let found = "has expired; what it obtained may live on";
        return vec![finding(Level::Hint, "expired_secret", "ASVS 13.3.4", found, fix)];
    }
    let mut findings = Vec::new();
    if !secret.confirmed {
        let fix = format!("wardkey secret confirm {client_id} {id}");
        let found = "awaits confirmation since a restore";
        findings.push(finding(Level::Warn, "unconfirmed", "ASVS 13.3.1", found, fix));
    }
    if secret.replaced_by.is_some() {
        findings.extend(replaced(client, secret, now));
        return findings;
    }
    let rotate = format!("wardkey client rotate {client_id} --secret-id {id}");
    if secret.kind == "imported" {
        let rule = "RFC 6749 10.10; ASVS 11.5.1";
        let found = "was brought from elsewhere, and may be guessed from a copy of the file";
        findings.push(finding(Level::Warn, "imported_secret", rule, found, rotate.clone()));
    }
    if let Some((check, found)) = ageing(secret, now) {
        findings.push(finding(Level::Warn, check, "ASVS 13.3.4", &found, rotate));
    }
    findings
}

/// An old secret that another one has taken the place of. It is well if it ends and nobody uses it.
fn replaced(client: &ClientDocument, secret: &SecretDocument, now: i64) -> Option<Finding> {
    let (client_id, id) = (&client.client_id, &secret.credential_id);
    let places = used_since_rotation(secret).join(", ");
    let (level, found, fix) = match (places.as_str(), secret.expires_at) {
        ("", Some(_)) => return None,
        ("", None) => (
            Level::Hint,
            "was replaced, is used no more, and never ends".to_owned(),
            format!("wardkey secret revoke {client_id} {id}"),
        ),
        (places, ends) => {
            let ends = ends.map_or_else(
                || "never ends".to_owned(),
                |until| format!("ends in {}", when::length(until - now)),
            );
            (
                Level::Warn,
                format!("was replaced, is used all the same from {places}, and {ends}"),
                format!(
                    "change it there; for more time: wardkey secret edit {client_id} {id} --expires 14d"
                ),
            )
        }
    };
    let about = format!("{}, secret {id}", name(client));
    let finding = Finding::new(level, "replaced_secret", "ASVS 13.3.4").about(about);
    Some(finding.found(found).fix(fix))
}

/// Whether a secret will end soon, or never does: the check's name, and what it found.
fn ageing(secret: &SecretDocument, now: i64) -> Option<(&'static str, String)> {
    let age = now - secret.created_at;
    match secret.expires_at {
        Some(until) if until - now < 30 * DAY => {
            Some(("expiring_secret", format!("ends in {}", when::length(until - now))))
        }
        None if age > 366 * DAY => {
            Some(("old_secret", format!("is {} old and never ends", when::length(age))))
        }
        Some(_) | None => None,
    }
}

fn name(client: &ClientDocument) -> String {
    format!("client {}", client.client_name)
}
