//! What a restore reports: what it found, and what it refuses from now on.

use crate::admin::{Refused, Restored};
use crate::base::encode;
use crate::store::{Accepted, AuditEntry, Awaiting, Living};

/// Of a database that is no old copy: nothing ends.
pub(super) fn found(accepted: &Accepted) -> Restored {
    let state = &accepted.state;
    Restored {
        commits: state.commits,
        acknowledged: accepted.acknowledged,
        audit_sequence: state.audit.sequence,
        audit_head: encode::hex(&state.audit.hash),
        written_at: state.mark.seconds(),
        wal_set_aside: accepted.wal_aside.clone(),
        ..Restored::default()
    }
}

/// Of a database in which a new epoch began.
pub(super) fn renewed(accepted: &Accepted, awaiting: &Awaiting, trusted: bool) -> Restored {
    let mut refused = ended(&accepted.living);
    let (secrets, users) = (
        "it may have been revoked since: it is refused until client.secret.confirm",
        "it may have been disabled or got another password since: it is refused until user.confirm",
    );
    let issuers = "its keys may be others since: it is not believed until issuer.enable";
    refused.push(Refused { kind: "client_secret", count: Some(awaiting.secrets), why: secrets });
    refused.push(Refused { kind: "user", count: Some(awaiting.users), why: users });
    refused.push(Refused { kind: "issuer", count: Some(accepted.living.issuers), why: issuers });
    Restored { new_epoch: true, trusted_secrets: trusted, refused, ..found(accepted) }
}

/// Of a database that was accepted without any key.
pub(super) fn adopted(accepted: &Accepted, awaiting: &Awaiting) -> Restored {
    let mut refused = ended(&accepted.living);
    let (keyed, secrets, users) = (
        "generated, or imported and strong: without the key it cannot be checked, and is gone. Make a new one",
        "without the key nobody knows who wrote it: it is refused until client.secret.confirm, and its \
         client until client.enable",
        "without the key nobody knows who wrote it: it is refused until user.confirm and user.enable",
    );
    let gone = accepted.living.keyed_secrets;
    refused.push(Refused { kind: "keyed_secret", count: Some(gone), why: keyed });
    refused.push(Refused { kind: "client_secret", count: Some(awaiting.secrets), why: secrets });
    refused.push(Refused { kind: "user", count: Some(awaiting.users), why: users });
    let issuers = "without the key nobody knows who imported it: it is gone";
    refused.push(Refused { kind: "issuer", count: Some(accepted.living.issuers), why: issuers });
    Restored { new_epoch: true, refused, ..found(accepted) }
}

/// Says in the audit what the report says.
pub(super) fn note(entry: &mut AuditEntry, report: &Restored) {
    let detail = &mut entry.detail;
    detail.insert("commits", report.commits.to_string());
    if let Some(acknowledged) = report.acknowledged {
        detail.insert("acknowledged", acknowledged.to_string());
    }
    if report.trusted_secrets {
        detail.insert("trusted_secrets", "true".to_owned());
    }
    for Refused { kind, count, .. } in &report.refused {
        if let (Some(count), Some(name)) = (count, detail_of(kind)) {
            detail.insert(name, count.to_string());
        }
    }
}

/// What ends with the epoch. Counts are of what the copy holds: what was issued since is refused too.
fn ended(living: &Living) -> Vec<Refused> {
    let ended = |kind, count, why| Refused { kind, count, why };
    let epoch = "it is of the epoch that has ended, for it may have been revoked since";
    let again = "it is of the epoch that has ended: the user has to log in and agree again";
    vec![
        ended(
            "access_token",
            None,
            "every JWT is of the epoch that has ended: clients ask for new ones",
        ),
        ended("opaque_token", Some(living.opaque_tokens), epoch),
        ended("grant", Some(living.grants), again),
        ended("code", Some(living.codes), epoch),
        ended("refresh_token", Some(living.refresh_tokens), again),
        ended(
            "signing_key",
            Some(living.signing_keys),
            "it may have been retired since, as one that leaked: new ones are made when they are needed",
        ),
    ]
}

fn detail_of(kind: &str) -> Option<&'static str> {
    let names = [
        ("opaque_token", "opaque_tokens_ended"),
        ("grant", "grants_ended"),
        ("code", "codes_ended"),
        ("refresh_token", "refresh_tokens_ended"),
        ("signing_key", "keys_retired"),
        ("keyed_secret", "secrets_dropped"),
        ("client_secret", "secrets_to_confirm"),
        ("user", "users_to_confirm"),
        ("issuer", "issuers_ended"),
    ];
    names.into_iter().find(|(known, _)| *known == kind).map(|(_, name)| name)
}
