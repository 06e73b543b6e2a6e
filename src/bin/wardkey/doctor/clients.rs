//! Checks of each client and its secrets.

use super::{Finding, Level, Patient};
use crate::secret::last_used;
use crate::when::{self, DAY};
use wardkey::admin::{ClientDocument, SecretDocument};

pub(super) fn all(patient: &Patient) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (client, secrets) in patient.clients.iter().filter(|(client, _)| client.enabled) {
        findings.extend(registration(client, patient));
        findings.extend(unused(client, secrets, patient.now));
        findings.extend(too_many(client, secrets));
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

fn too_many(client: &ClientDocument, secrets: &[SecretDocument]) -> Option<Finding> {
    (secrets.len() > 2).then(|| {
        Finding::new(Level::Warn, "many_secrets", "ASVS 13.3.4")
            .about(name(client))
            .found(format!("has {} living secrets; a change of secrets needs two", secrets.len()))
            .fix(format!("wardkey secret list {}, then secret revoke", client.client_id))
    })
}

fn of_secret(client: &ClientDocument, secret: &SecretDocument, now: i64) -> Vec<Finding> {
    let (client_id, id) = (&client.client_id, &secret.credential_id);
    let revoke = || {
        format!(
            "wardkey secret add {client_id}, change it there, then wardkey secret revoke {client_id} {id}"
        )
    };
    let mut findings = Vec::new();
    let mut add = |level, check, rule, found: String, fix: String| {
        let about = format!("{}, secret {id}", name(client));
        findings.push(Finding::new(level, check, rule).about(about).found(found).fix(fix));
    };
    if !secret.confirmed {
        let fix = format!("wardkey secret confirm {client_id} {id}, or secret revoke");
        add(
            Level::Warn,
            "unconfirmed",
            "ASVS 13.3.1",
            "awaits confirmation since a restore".into(),
            fix,
        );
    }
    if secret.kind == "imported" {
        let found = "was brought from elsewhere, and may be guessed from a copy of the file".into();
        add(Level::Warn, "imported_secret", "RFC 6749 10.10; ASVS 11.5.1", found, revoke());
    }
    let age = now - secret.created_at;
    match secret.expires_at {
        Some(until) if until <= now => {
            let fix = format!("wardkey secret revoke {client_id} {id}");
            add(
                Level::Hint,
                "expired_secret",
                "ASVS 13.3.4",
                "has expired; what it obtained may live on".into(),
                fix,
            );
        }
        Some(until) if until - now < 30 * DAY => {
            add(
                Level::Warn,
                "expiring_secret",
                "ASVS 13.3.4",
                format!("ends in {}", when::length(until - now)),
                revoke(),
            );
        }
        None if age > 366 * DAY => {
            add(
                Level::Warn,
                "old_secret",
                "ASVS 13.3.4",
                format!("is {} old and never ends", when::length(age)),
                revoke(),
            );
        }
        Some(_) | None => {}
    }
    findings
}

fn name(client: &ClientDocument) -> String {
    format!("client {}", client.client_name)
}
