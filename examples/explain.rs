//! What became of one request: the words of the audit for a `Wardkey-Request-Id`.
//!
//! ```text
//! cargo run --example explain -- clinic.db 019a3c5be1f07d0c8a41f2b6c9d07e55
//! ```

#![expect(clippy::print_stdout, reason = "an example talks")]

use wardkey::admin::AuditExplain;
use wardkey::{Context, Engine, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(request_id)) = (arguments.next(), arguments.next()) else {
        return Err("usage: explain DATABASE REQUEST-ID".into());
    };
    let engine = Engine::open(&Options::new(path))?;
    let answer = engine.run(&Context::by("explain"), AuditExplain { request_id })?;
    println!("{}", answer.words);
    if let Some(entry) = answer.entry {
        println!("{entry:#}");
    }
    Ok(engine.close()?)
}
