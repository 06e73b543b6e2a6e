//! A clinic's program with Wardkey inside: one HTTP port for its own API and for the engine's endpoints.
//!
//! ```text
//! cargo run --release --example host -- clinic.db 8080
//! ```
//!
//! It makes the database if there is none, listens on loopback (on a free port without one) and says where.
//! Each line on its standard input is an operation of `docs/operations.md` and its document; the answer is
//! one line of JSON. When its input ends, so does the program.
//!
//! ```text
//! listening on http://127.0.0.1:8080
//! client.create {"client_name":"Lab Interface","scope":"lab:read"}
//! {"client_id":"wkc_..","client_secret":"wks_..",..}
//! ```
//!
//! The server is tiny_http: synchronous as the engine is, with four small dependencies and no runtime, and
//! it tells the peer's address, which others of its size do not. Your program keeps the server it has.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example talks")]

use serde_json::{Value, json};
use std::error::Error;
use std::io::{self, BufRead, Cursor, Read};
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread;
use tiny_http::{Header, Request, Response, Server};
use wardkey::{Context, Engine, HttpRequest, HttpResponse, Options, Required, Settings};

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: host DATABASE [PORT]")?;
    let port: u16 = arguments.next().as_deref().unwrap_or("0").parse()?;

    let options = Options::new(&path);
    if !Path::new(&path).exists() {
        Engine::create(&options, &Settings::default(), &Context::by(OPERATOR))?;
    }
    let engine = Engine::open(&options)?;
    let server = Server::http((Ipv4Addr::LOCALHOST, port))?;
    println!("listening on http://{}", server.server_addr());

    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| serve(&server, &engine));
        }
        let ended = administer(&engine);
        (0..WORKERS).for_each(|_| server.unblock());
        ended
    })?;
    engine.close()?;
    Ok(())
}

/// Answers requests until the server is unblocked. One engine serves all threads.
fn serve(server: &Server, engine: &Engine) {
    for mut request in server.incoming_requests() {
        let response = answer(engine, &mut request).and_then(response).unwrap_or_else(|error| {
            eprintln!("a request failed: {error}");
            // What could not be decided is not allowed.
            Response::from_data(Vec::new()).with_status_code(503)
        });
        // It fails when the caller is gone: then nobody waits for it.
        let _ = request.respond(response);
    }
}

/// The whole of mounting Wardkey: what the server received goes in, what it sends comes out.
fn answer(engine: &Engine, request: &mut Request) -> Result<HttpResponse, Failure> {
    let mut body = Vec::new();
    request.as_reader().take(LONGEST_BODY).read_to_end(&mut body)?;
    let headers: Vec<(&str, &[u8])> = request
        .headers()
        .iter()
        .map(|header| (header.field.as_str().as_str(), header.value.as_bytes()))
        .collect();
    let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
    let context = Context {
        peer: request.remote_addr().map(|address| address.ip()),
        // True where TLS ends in this program or at a proxy of its own. Here it is plain HTTP, which the
        // engine answers to this machine only.
        secure: false,
        ..Context::default()
    };
    if path == "/api/results" {
        return results(engine, &headers, &context);
    }
    let method = request.method().as_str();
    let base_path = ""; // This program mounts the engine at its root.
    let headers = &headers;
    let message = HttpRequest { method, path, base_path, query, headers, body: &body };
    Ok(engine.http(&message, &context)?)
}

/// An operation of the clinic's own API, for clients that may read the laboratory's results.
fn results(
    engine: &Engine,
    headers: &[(&str, &[u8])],
    context: &Context<'_>,
) -> Result<HttpResponse, Failure> {
    let json = |status, document: Value| HttpResponse {
        status,
        headers: vec![("Content-Type", "application/json".to_owned())],
        body: document.to_string().into_bytes(),
    };
    let challenge = match engine.authorize(headers, Required::all_of("lab:read")?, context)? {
        Ok(caller) => return Ok(json(200, json!({ "for": caller.client_id, "HbA1c": "5.4 %" }))),
        Err(challenge) => challenge,
    };
    let mut response = json(challenge.status, json!({ "request_id": challenge.request_id }));
    if !challenge.www_authenticate.is_empty() {
        response.headers.push(("WWW-Authenticate", challenge.www_authenticate));
    }
    Ok(response)
}

/// In the server's own words.
fn response(answer: HttpResponse) -> Result<Response<Cursor<Vec<u8>>>, Failure> {
    let mut response = Response::from_data(answer.body).with_status_code(answer.status);
    for (name, value) in answer.headers {
        let header = Header::from_bytes(name, value).map_err(|()| format!("the header {name}"))?;
        response.add_header(header);
    }
    Ok(response)
}

/// The console: an operation and its document per line.
fn administer(engine: &Engine) -> Result<(), Failure> {
    let operator = Context::by(OPERATOR);
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (operation, document) = line.trim().split_once(' ').unwrap_or((line.trim(), "{}"));
        match engine.call(&operator, operation, document.as_bytes()) {
            Ok(answer) => println!("{}", String::from_utf8_lossy(&answer)),
            Err(error) => println!("{}", json!({ "error": error.to_string() })),
        }
    }
    Ok(())
}

type Failure = Box<dyn Error + Send + Sync>;

/// Who administers at the console, for the audit.
const OPERATOR: &str = "console";

const WORKERS: usize = 4;

/// One byte more than the engine can be told to accept: it answers a longer body with 413.
const LONGEST_BODY: u64 = 1024 * 1024 + 1;
