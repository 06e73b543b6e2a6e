//! What verifying and issuing cost beside the bare signature, and beside `jsonwebtoken`.
//!
//! ```text
//! cargo bench --features test-hooks --bench tokens
//! ```
//!
//! The last lines are ratios of medians within this run: the bare `ring` call's time over ours, so 1.00
//! would be free of cost, and more is better.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise"
)]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use criterion::Criterion;
use ring::signature::{self, UnparsedPublicKey};
use std::hint::black_box;
use std::path::Path;
use wardkey::admin::{ClientCreate, KeyImport};
use wardkey::{Context, Engine, HttpRequest, Options, RateLimit, Required, Secret, Settings};

/// An algorithm, and its PKCS#8 key for both sides.
struct Case {
    algorithm: &'static str,
    token: String,
    client_id: String,
    secret: Secret,
    jwk: serde_json::Value,
    pkcs8: Vec<u8>,
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path().join("bench.db"));
    let admin = Context::by("bench");
    // As the default in cost, and out of a loop's reach.
    let limit = RateLimit { per_minute: 60_000_000, burst: 1_000_000 };
    let settings = Settings { token_rate: Some(limit), ..Settings::default() };
    Engine::create(&options, &settings, &admin).unwrap();
    let engine = Engine::open(&options).unwrap();
    let cases = ["ES256", "EdDSA", "RS256"].map(|algorithm| case(&engine, &admin, algorithm));
    let mut criterion = Criterion::default().configure_from_args();
    for case in &cases {
        verify(&mut criterion, &engine, case);
        issue(&mut criterion, &engine, case);
    }
    criterion.final_summary();
    for case in &cases {
        ratios(case.algorithm);
    }
}

fn verify(criterion: &mut Criterion, engine: &Engine, case: &Case) {
    let mut group = criterion.benchmark_group(format!("verify-{}", case.algorithm));
    let context = Context { peer: Some([192, 0, 2, 7].into()), ..Context::default() };
    let required = Required::all_of("lab:read").unwrap();
    let (input, signature) = case.token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (bare_algorithm, bare_key) = bare_key(case);
    let bare = UnparsedPublicKey::new(bare_algorithm, bare_key);
    group.bench_function("ring", |b| {
        b.iter(|| bare.verify(black_box(input.as_bytes()), black_box(&signature)).unwrap());
    });
    group.bench_function("wardkey", |b| {
        b.iter(|| engine.verify(black_box(case.token.as_bytes()), required, &context).unwrap());
    });
    let (key, validation) = peer(case);
    group.bench_function("jsonwebtoken", |b| {
        b.iter(|| {
            jsonwebtoken::decode::<serde_json::Value>(black_box(&case.token), &key, &validation)
                .unwrap()
        });
    });
    group.finish();
}

fn issue(criterion: &mut Criterion, engine: &Engine, case: &Case) {
    let mut group = criterion.benchmark_group(format!("issue-{}", case.algorithm));
    let input = case.token.rsplit_once('.').unwrap().0.as_bytes();
    let sign = bare_signer(case);
    group.bench_function("ring", |b| b.iter(|| sign(black_box(input))));
    let context = Context { peer: Some([192, 0, 2, 7].into()), ..Context::default() };
    group.bench_function("wardkey", |b| {
        b.iter(|| engine.issue_without_disk(&case.client_id, &case.secret, &context).unwrap());
    });
    let mint = engine.minter_without_disk(&case.client_id, &case.secret, &context).unwrap();
    group.bench_function("wardkey-mint", |b| b.iter(|| mint().unwrap()));
    group.finish();
}

/// Registers a client of the algorithm, with a key that both sides have, and issues a token.
fn case(engine: &Engine, admin: &Context<'_>, algorithm: &'static str) -> Case {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/keys");
    let pem = std::fs::read_to_string(golden.join(format!("{algorithm}.pem"))).unwrap();
    let import = KeyImport { algorithm: algorithm.into(), key: pem.as_str().into() };
    let key = engine.run(admin, import).unwrap();
    let client = engine.run(
        admin,
        ClientCreate {
            client_name: Some(algorithm.into()),
            scope: Some("lab:read lab:write".into()),
            algorithm: Some(Some(algorithm.into())),
            ..ClientCreate::default()
        },
    );
    let client = client.unwrap();
    let secret = || Secret::copy_of(client.client_secret.as_deref().unwrap().as_bytes());
    let client_id = client.client.client_id.clone();
    let token = engine.issue(&client_id, secret(), None, &Context::default()).unwrap();
    let jwks = HttpRequest { method: "GET", path: "/oauth/jwks", ..HttpRequest::default() };
    let secure = Context { secure: true, ..Context::default() };
    let jwks = engine.http(&jwks, &secure).unwrap();
    let jwks: serde_json::Value = serde_json::from_slice(&jwks.body).unwrap();
    let keys = jwks["keys"].as_array().unwrap();
    let jwk = keys.iter().find(|jwk| jwk["kid"] == key.kid.as_str()).unwrap().clone();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let pkcs8 = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    Case { algorithm, token: token.expose().to_owned(), client_id, secret: secret(), jwk, pkcs8 }
}

fn member(case: &Case, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(case.jwk[name].as_str().unwrap()).unwrap()
}

fn bare_key(case: &Case) -> (&'static dyn signature::VerificationAlgorithm, Vec<u8>) {
    match case.algorithm {
        "ES256" => {
            let point = [vec![4], member(case, "x"), member(case, "y")].concat();
            (&signature::ECDSA_P256_SHA256_FIXED, point)
        }
        "EdDSA" => (&signature::ED25519, member(case, "x")),
        _ => {
            let pair = signature::RsaKeyPair::from_pkcs8(&case.pkcs8).unwrap();
            let public = signature::KeyPair::public_key(&pair).as_ref().to_vec();
            (&signature::RSA_PKCS1_2048_8192_SHA256, public)
        }
    }
}

fn bare_signer(case: &Case) -> Signer {
    #[expect(clippy::disallowed_methods, reason = "the bare call, as anybody would make it")]
    let random = ring::rand::SystemRandom::new();
    match case.algorithm {
        "ES256" => {
            let kind = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = signature::EcdsaKeyPair::from_pkcs8(kind, &case.pkcs8, &random).unwrap();
            Box::new(move |input| pair.sign(&random, input).unwrap().as_ref().to_vec())
        }
        "EdDSA" => {
            let pair = signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&case.pkcs8).unwrap();
            Box::new(move |input| pair.sign(input).as_ref().to_vec())
        }
        _ => {
            let pair = signature::RsaKeyPair::from_pkcs8(&case.pkcs8).unwrap();
            Box::new(move |input| {
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, input, &mut out).unwrap();
                out
            })
        }
    }
}

/// Signs a message.
type Signer = Box<dyn Fn(&[u8]) -> Vec<u8>>;

/// The peer with the same checks: algorithm, issuer, audience, expiry.
fn peer(case: &Case) -> (jsonwebtoken::DecodingKey, jsonwebtoken::Validation) {
    let text = |name: &str| case.jwk[name].as_str().unwrap();
    let (key, algorithm) = match case.algorithm {
        "ES256" => (
            jsonwebtoken::DecodingKey::from_ec_components(text("x"), text("y")).unwrap(),
            jsonwebtoken::Algorithm::ES256,
        ),
        "EdDSA" => (
            jsonwebtoken::DecodingKey::from_ed_components(text("x")).unwrap(),
            jsonwebtoken::Algorithm::EdDSA,
        ),
        _ => (
            jsonwebtoken::DecodingKey::from_rsa_components(text("n"), text("e")).unwrap(),
            jsonwebtoken::Algorithm::RS256,
        ),
    };
    let mut validation = jsonwebtoken::Validation::new(algorithm);
    validation.set_issuer(&["https://localhost"]);
    validation.set_audience(&["https://localhost"]);
    (key, validation)
}

/// Prints the ratios of this run's medians, as criterion has just written them down.
fn ratios(algorithm: &str) {
    let pairs = [
        ("verify", "wardkey"),
        ("verify", "jsonwebtoken"),
        ("issue", "wardkey"),
        ("issue", "wardkey-mint"),
    ];
    for (group, ours) in pairs {
        let name = format!("{group}-{algorithm}");
        if let (Some(bare), Some(ours_ns)) = (median(&name, "ring"), median(&name, ours)) {
            println!(
                "{name}: {ours} {:.2} us, ring {:.2} us, ratio {:.3}",
                ours_ns / 1e3,
                bare / 1e3,
                bare / ours_ns
            );
        }
    }
}

fn median(group: &str, name: &str) -> Option<f64> {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let path =
        Path::new(&target).join("criterion").join(group).join(name).join("new/estimates.json");
    let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}
