//! Where a request to the host's API comes from.

use crate::common::{Place, admin, clock, register_as};
use wardkey::admin::{ClientCreate, SettingsSet};
use wardkey::{Context, Denied, Required};

// `authorize` once looked at the context alone, so a request that had come through somebody else's proxy
// seemed to come from that proxy's address, and passed an allowlist that held it.
#[test]
fn authorize_reads_the_forwarding_headers_it_is_given() {
    let place = Place::created();
    let engine = place.open_at(&clock());
    let client = register_as(
        &engine,
        ClientCreate {
            client_name: Some("Lab Interface".into()),
            scope: Some("lab:read".into()),
            allowed_networks: Some(vec!["10.0.0.0/8".into(), "203.0.113.9".into()]),
            ..ClientCreate::default()
        },
    );
    let proxy =
        Context { peer: Some("10.0.0.1".parse().unwrap()), secure: true, ..Context::default() };
    let secret = wardkey::Secret::copy_of(client.secret.as_bytes());
    let token = engine.issue(&client.id, secret, None, &proxy).unwrap();
    let bearer = format!("Bearer {}", token.expose());
    let ask = |forwarded: &str| {
        let headers =
            [("Authorization", bearer.as_bytes()), ("X-Forwarded-For", forwarded.as_bytes())];
        engine.authorize(&headers, Required::ANY, &proxy).unwrap().map_err(|refused| refused.why)
    };
    assert_eq!(ask("203.0.113.9").unwrap_err(), Denied::PeerUnknown, "the proxy is not named");
    let trusted_proxies = Some(vec!["10.0.0.1".into()]);
    engine.run(&admin(), SettingsSet { trusted_proxies, ..SettingsSet::default() }).unwrap();
    assert_eq!(ask("203.0.113.9").unwrap().client_id, client.id);
    assert_eq!(ask("203.0.113.8").unwrap_err(), Denied::PeerNotAllowed);
}
