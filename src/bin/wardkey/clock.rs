//! `wardkey clock`: the machine's clock and the time that is believed.

use crate::failure::Failure;
use crate::input::Input;
use crate::out::Out;
use crate::restore::Waiting;
use crate::session::Session;
use crate::when;
use clap::Subcommand;
use serde_json::json;
use wardkey::admin::{ClockAccept, ClockAccepted};
use wardkey::{Clock, SystemClock, UnixTime};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what the machine's clock says and the time that is believed
    Show,
    /// Believe the machine's clock from now on, in all programs
    ///
    /// After years switched off, or after a wrong time was accepted. Set the machine's clock right first. If time
    /// goes back by it, everything that was issued ends.
    Accept,
}

impl Command {
    pub(crate) fn run(
        self,
        session: &Session,
        input: &mut Input,
        out: &Out,
    ) -> Result<(), Failure> {
        let (wall, time) = (SystemClock.wall(), session.now());
        match self {
            Self::Show => show(wall, time, out),
            Self::Accept => accept(session, wall, time, input, out),
        }
    }
}

fn show(wall: UnixTime, time: UnixTime, out: &Out) -> Result<(), Failure> {
    let behind = time.since(wall) / 1000;
    let believed = behind.abs() <= BELIEVED_SECONDS;
    let document = json!({
        "machine": wall.seconds(), "time": time.seconds(), "machine_behind": behind, "believed": believed,
    });
    out.answer(&document, || {
        out.fields(&both(wall, time))?;
        if believed {
            return out.line("The machine's clock is believed.");
        }
        out.line("The machine's clock is not believed: time goes on without it.")?;
        out.note("Set it right (NTP). If it is right: wardkey clock accept");
        Ok(())
    })
}

fn both(wall: UnixTime, time: UnixTime) -> [(&'static str, String); 3] {
    let behind = time.since(wall) / 1000;
    let difference = match behind {
        0 => String::new(),
        1.. => format!("the machine is {} behind", when::length(behind)),
        _ => format!("the machine is {} ahead", when::length(-behind)),
    };
    [("machine's clock", exact(wall)), ("time believed", exact(time)), ("difference", difference)]
}

fn accept(
    session: &Session,
    wall: UnixTime,
    time: UnixTime,
    input: &mut Input,
    out: &Out,
) -> Result<(), Failure> {
    let ends = if wall < time {
        format!(
            "Time goes back by {}: all tokens and grants end, signing keys retire",
            when::length(time.since(wall) / 1000)
        )
    } else {
        format!(
            "Time goes on by {}: what ends until then has ended",
            when::length(wall.since(time) / 1000)
        )
    };
    let from_to = format!("from {} to {}", exact(time), exact(wall));
    input.confirm(&format!("{ends} ({from_to})"))?;
    let accepted = session.run(ClockAccept { time: wall.seconds() })?;
    out.answer(&accepted, || said(session, &accepted, out))
}

fn said(session: &Session, accepted: &ClockAccepted, out: &Out) -> Result<(), Failure> {
    let at = |seconds| exact(UnixTime::from_seconds(seconds));
    out.fields(&[("time before", at(accepted.before)), ("time now", at(accepted.after))])?;
    if !accepted.lowered {
        return out.line("The machine's clock is believed. No token was ended.");
    }
    out.line("The machine's clock is believed. All tokens and grants have ended.")?;
    for issuer in &accepted.issuers_to_enable {
        out.line(&format!("not believed any more: wardkey issuer enable {issuer}"))?;
    }
    if accepted.secrets_to_confirm.is_empty() {
        return Ok(());
    }
    Waiting::of(session)?.show(out)
}

/// To the second.
fn exact(time: UnixTime) -> String {
    let text = time.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// A clock that is a minute behind makes time stand still, and is believed.
const BELIEVED_SECONDS: i64 = 60;
