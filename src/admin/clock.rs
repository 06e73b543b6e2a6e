//! `clock.*`: the engine's time.

use crate::admin::document::operation;
use crate::domain::TimeSet;
use serde::{Deserialize, Serialize};

/// `clock.accept`: from now on the wall clock is believed, whatever it says, by all processes. If time goes
/// back by it, by more than a minute, everything that was issued ends. For a clock that is less behind, time waits.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClockAccept {
    /// The time that is accepted, in seconds: the wall clock must not say another, but for five minutes.
    pub time: i64,
}
operation!(ClockAccept = "clock.accept" -> ClockAccepted);

/// What became of the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClockAccepted {
    /// The latest time told before, in seconds.
    pub before: i64,
    /// The time now.
    pub after: i64,
    /// Whether time went back: all tokens and grants have ended, and the signing keys.
    pub lowered: bool,
    /// Secrets that had ended by the time before, and now await `client.secret.confirm`.
    pub secrets_to_confirm: Vec<String>,
    /// Other sites that were believed, and are not until `issuer.enable`.
    pub issuers_to_enable: Vec<String>,
}

impl ClockAccepted {
    pub(crate) fn of(set: TimeSet) -> Self {
        Self {
            before: set.before.seconds(),
            after: set.after.seconds(),
            lowered: set.lowered,
            secrets_to_confirm: set.unconfirmed,
            issuers_to_enable: set.issuers,
        }
    }
}
