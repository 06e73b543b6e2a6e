//! The main job in one go: create a database, register a client, exchange its secret for tokens as real
//! clinic systems do, verify a token, cut a leaked secret off, and read who did what.
//!
//! ```text
//! cargo run --release --example quickstart
//! ```

#![expect(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;
use wardkey::admin::{AuditRead, ClientCreate, ClientCreated, SecretRevoke};
use wardkey::{Context, Dialect, Engine, HttpRequest, Options, Required, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let options = Options::new(folder.path().join("clinic.db"));
    let admin = Context::by("quickstart");

    heading("Create the database");
    let settings = Settings { dialects: Dialect::ALL.to_vec(), ..Settings::default() };
    Engine::create(&options, &settings, &admin)?;
    let engine = Engine::open(&options)?;
    println!("{}", folder.path().join("clinic.db").display());

    heading("Register a client");
    let lab = engine.run(
        &admin,
        ClientCreate {
            client_name: Some("Lab Interface".into()),
            scope: Some("lab:read lab:write".into()),
            ..ClientCreate::default()
        },
    )?;
    let external = engine.run(
        &admin,
        ClientCreate {
            client_name: Some("Partner API".into()),
            scope: Some("external".into()),
            ..ClientCreate::default()
        },
    )?;
    println!("client_id     {}", lab.client.client_id);
    println!("client_secret {} (shown this once)", secret_of(&lab));

    heading("Exchange the secret, as a client of Bio Ecko does");
    let token = post(&engine, "/api/v1/auth/token", None, &form(&lab))?;
    heading("... of NikoHealth");
    post(&engine, "/api/identity/connect/token", Some(&basic(&external)), GRANT)?;
    heading("... of Medblocks");
    post(&engine, "/oauth2/token", Some(&basic(&lab)), GRANT)?;
    heading("... and any other OAuth 2.0 client");
    post(
        &engine,
        "/oauth/token",
        Some(&basic(&lab)),
        "grant_type=client_credentials&scope=lab:read",
    )?;

    heading("Verify the token on a request of the host's API");
    let bench = Context { peer: Some("192.0.2.7".parse()?), secure: true, ..Context::default() };
    for scopes in ["lab:read", "billing:read"] {
        println!("{scopes}: {}", verdict(&engine, &token, scopes, &bench)?);
    }

    heading("The secret leaked: revoke it");
    let credential_id = lab.credential_id.clone().unwrap_or_default();
    let client_id = lab.client.client_id.clone();
    engine.run(&admin, SecretRevoke { client_id, credential_id })?;
    println!("lab:read: {}", verdict(&engine, &token, "lab:read", &bench)?);

    heading("Who did what");
    for row in engine.run(&admin, AuditRead::default())?.rows {
        println!("{:>3} {}", row.sequence, row.words);
    }
    engine.close()?;
    Ok(())
}

/// Sends a token request through the HTTP facade, prints both messages, and returns the access token.
fn post(
    engine: &Engine,
    path: &str,
    authorization: Option<&str>,
    body: &str,
) -> Result<String, Box<dyn Error>> {
    println!("POST {path}\nContent-Type: application/x-www-form-urlencoded");
    let mut headers = vec![("Content-Type", "application/x-www-form-urlencoded".as_bytes())];
    if let Some(value) = authorization {
        println!("Authorization: {value}");
        headers.push(("Authorization", value.as_bytes()));
    }
    println!("\n{body}\n");
    let request = HttpRequest {
        method: "POST",
        path,
        headers: &headers,
        body: body.as_bytes(),
        ..HttpRequest::default()
    };
    let peer = Context { peer: Some("192.0.2.7".parse()?), secure: true, ..Context::default() };
    let response = engine.http(&request, &peer)?;
    println!("{}", response.status);
    for (name, value) in &response.headers {
        println!("{name}: {value}");
    }
    println!("\n{}", String::from_utf8_lossy(&response.body));
    let document: serde_json::Value = serde_json::from_slice(&response.body)?;
    let token = document.get("access_token").and_then(|token| token.as_str());
    Ok(token.unwrap_or_default().to_owned())
}

fn verdict(
    engine: &Engine,
    token: &str,
    scopes: &str,
    context: &Context<'_>,
) -> Result<String, Box<dyn Error>> {
    match engine.verify(token.as_bytes(), Required::all_of(scopes)?, context) {
        Ok(principal) => Ok(format!("allowed, client {}", principal.client_id)),
        Err(wardkey::Error::Denied { why, .. }) => Ok(format!("refused, {why}")),
        Err(error) => Err(error.into()),
    }
}

fn form(client: &ClientCreated) -> String {
    let id = &client.client.client_id;
    format!("{GRANT}&client_id={id}&client_secret={}", secret_of(client))
}

fn basic(client: &ClientCreated) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let pair = format!("{}:{}", client.client.client_id, secret_of(client));
    format!("Basic {}", STANDARD.encode(pair))
}

fn secret_of(client: &ClientCreated) -> &str {
    client.client_secret.as_deref().unwrap_or_default()
}

fn heading(text: &str) {
    println!("\n== {text}");
}

const GRANT: &str = "grant_type=client_credentials";
